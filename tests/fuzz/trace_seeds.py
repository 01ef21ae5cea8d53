"""Seeds for trace_context_fuzz.c: headers and variables as they should be, nearly.

python3 trace_seeds.py DIR
"""

import sys
from pathlib import Path

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MEMBERS = ",".join(f"bar{i:02}={i:02}" for i in range(32))
SEEDS = (
    PARENT,
    f" {PARENT}\t",
    f"cc{PARENT[2:]}-what-the-future-will-be-like",
    "foo=1, bar=2,\t,baz=3,",
    "foo=1\0foo=2\0tenant@system=x y",
    f"{MEMBERS}\0one=more",
    "k" * 256 + "=" + "v" * 256,
    ",".join("k" * i + "=" + "v" * 200 for i in range(1, 12)),
    ",".join(f"k{i}=" + "v" * 120 for i in range(12)),
    "userId=Am%C3%A9lie;p=1 , server=DF%2028",
    "parentbased_traceidratio\0" + "0.25",
    "traceidratio\x001e-3",
)


def main() -> None:
    directory = Path(sys.argv[1])
    for i, seed in enumerate(SEEDS):
        (directory / f"seed{i:02}").write_bytes(seed.encode())


if __name__ == "__main__":
    main()
