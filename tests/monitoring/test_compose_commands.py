"""docker-compose.yml without Docker: its commands, with its mounts and its names.

The services whose programs are here are started as the file says, in a network of their
own, where their names are those of the loopback, and what they mount is where it is in
the repository. Tempo and Grafana, of which there are only images, are left out.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from catalogue import MONITORING, ROOT
from harness import BUILD, PATIENCE, World
from test_configs import compose

# What the image has before the command, and what it needs to be here and not there.
# Readers come first: the demo's own exporter then takes another port than theirs.
PROGRAMS: dict[str, tuple[str, ...]] = {
    "metrics": (),
    "otlp": (),
    "collector": (str(ROOT / "build/peers/otelcol"),),
    "alertmanager": (
        "prometheus-alertmanager",
        "--storage.path=alertmanager",
        "--cluster.listen-address=",
    ),
    "prometheus": ("prometheus",),
    "runtime": (),
}
PLACES = {"/prometheus": "data"}  # an image's own, which is ours to have elsewhere
SEEN = (  # what Prometheus has when all of them have found each other
    "count(up == 1) == 2",
    "snakepit_up == 1",
    "sum(snakepit_requests_total) > 0",
    'sum(otel_sdk_exporter_span_exported_total{error_type=""}) > 0',
)
# Loopback up, and names of the services: then the script, in place of this.
PRELUDE = """\
import fcntl, os, socket, struct, subprocess, sys
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x41))
subprocess.run(["mount", "--bind", sys.argv[1], "/etc/hosts"], check=True)
os.execvp("bash", ["bash", "-eu", sys.argv[2]])
"""
OWN = ("unshare", "--net", "--pid", "--mount-proc", "--fork", "--kill-child")


def here(word: str, service: dict[str, Any]) -> str:
    """Turn paths of the container into paths of the repository."""
    for volume in service.get("volumes", ()):
        source, target, *_ = volume.split(":")
        word = word.replace(target, str(MONITORING / source))
    for target, place in PLACES.items():
        word = place if word == target else word.replace(f"={target}", f"={place}")
    return word


def line(name: str, service: dict[str, Any]) -> str:
    words = [*PROGRAMS[name], *(here(word, service) for word in service["command"])]
    given = [f"{k}={v}" for k, v in service.get("environment", {}).items()]
    return f"{shlex.join(['env', *given, *words])} >{name}.log 2>&1 &"


def script() -> str:
    services = compose()["services"]
    api = "http://prometheus:9090/api/v1"
    ask = [
        f"curl -sG {api}/query --data-urlencode {shlex.quote(f'query={query}')}"
        " | grep -q '\"value\"'"
        for query in SEEN
    ]
    ask.append(f"curl -s {api}/alertmanagers | grep -q http://alertmanager:9093/")
    return "\n".join(
        [
            *(line(name, services[name]) for name in PROGRAMS),
            *(f"until {question}; do sleep 0.5; done" for question in ask),
        ]
    )


@pytest.mark.skipif(
    os.environ.get("SNP_CHAOS") != "full", reason="half a minute: SNP_CHAOS=full"
)
def test_its_services_find_each_other(world: World, tmp_path: Path) -> None:
    for name in ("prometheus-alertmanager", str(ROOT / "build/peers/otelcol")):
        if not shutil.which(name):
            pytest.skip(f"no {name}")
    if subprocess.run([*OWN, "true"], check=False).returncode != 0:
        pytest.skip("no namespaces of its own for a program here")
    hosts = tmp_path / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {' '.join(compose()['services'])}\n")
    commands = tmp_path / "script"
    commands.write_text(script())
    done = subprocess.run(
        [*OWN, sys.executable, "-c", PRELUDE, hosts, commands],
        cwd=tmp_path,
        env={**world.env, "PATH": f"{BUILD / 'bin'}:{world.env['PATH']}"},
        timeout=60 * PATIENCE,
        check=False,
    )
    logs = "\n".join(path.read_text() for path in tmp_path.glob("*.log"))
    assert done.returncode == 0, logs
