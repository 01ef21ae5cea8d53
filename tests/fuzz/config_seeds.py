"""Seeds for config_fuzz.c: the examples, cut into what the fuzzer may write.

python3 config_seeds.py DIR
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 4096
POOL = "pools:\n  - adapter: a.B\n"
SEEDS = (
    POOL,
    POOL + "    name: b\n    env: [A=1]\n    queue: {limit: 3, policy: reject}\n",
    POOL + "  - {name: c, adapter: d.E, profile: thread, threads_per_worker: 4}\n",
    POOL + "instance: ${HOME}\nlisten: ['unix:${SNAKEPIT_DIR}/x', '[::1]:80']\n",
    POOL + "heartbeat: &h {enabled: true, ping_interval_ms: 500}\n",
    POOL + 'data_dir: "/tmp/\\u00e9"\nlog: {level: warning, format: text}\n',
    POOL + "readers: {otlp: {enabled: true, headers: {a: ${X:-b}}}}\n",
    "%YAML 1.1\n---\n" + POOL + "...\n",
)


def main() -> None:
    folder = Path(sys.argv[1])
    files = [*ROOT.glob("examples/**/*.yaml"), *ROOT.glob("tests/unit/config/*.yaml")]
    seeds = [seed.encode() for seed in SEEDS] + [path.read_bytes() for path in files]
    for i, seed in enumerate(seeds):
        (folder / f"seed{i:02}").write_bytes(seed[:MOST_BYTES])


if __name__ == "__main__":
    main()
