"""The front door beyond the unix socket: TLS, who is let in, what is refused."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from client import Client, health_pb2, health_pb2_grpc, pool_pb2_grpc, request
from harness import ROOT, Daemon, World, wait_until
from runtime_kit import RunDaemon, config

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of certificates (tests/lib/make-certs)."""
    folder = tmp_path_factory.mktemp("certs")
    subprocess.run([ROOT / "tests" / "lib" / "make-certs", folder], check=True)
    return folder


@pytest.fixture
def certs(issued: Path, tmp_path: Path) -> Path:
    """Give such a folder for one test, which may change it."""
    return Path(shutil.copytree(issued, tmp_path / "certs"))


def tls(certs: Path, client_ca: str | None = None) -> dict[str, Any]:
    files = {"cert": str(certs / "server.pem"), "key": str(certs / "server.key")}
    if client_ca:
        files["client_ca"] = str(certs / client_ca)
    return files


def tcp(host: str = "127.0.0.1") -> str:
    """Give an address nobody listens on."""
    with socket.create_server((host, 0)) as probe:
        return f"{host}:{probe.getsockname()[1]}"


def serving(*listen: str, **keys: Any) -> dict[str, Any]:
    return {**config(workers=1), **keys, "listen": list(listen) or [tcp()]}


def tcp_address(daemon: Daemon) -> str:
    lines = daemon.log_lines(msg="listening")
    (address,) = [
        line["address"] for line in lines if not line["address"].startswith("unix:")
    ]
    return str(address)


def channel_to(
    address: str, certs: Path | None, client: str | None = None
) -> grpc.Channel:
    if certs is None:
        return grpc.insecure_channel(address)
    key = (certs / f"{client}.key").read_bytes() if client else None
    chain = (certs / f"{client}.pem").read_bytes() if client else None
    roots = (certs / "ca.pem").read_bytes()
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(roots, key, chain))


def echo(channel: grpc.Channel) -> Any:
    answer = pool_pb2_grpc.PoolStub(channel).Execute(
        request("default", "echo", a=1), timeout=20
    )
    return json.loads(answer.result_json)["a"]


def assert_refused(channel: grpc.Channel) -> None:
    with channel, pytest.raises(grpc.RpcError) as caught:
        echo(channel)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_tls_serves_who_knows_the_ca_and_refuses_plain_clients(
    run_daemon: RunDaemon, certs: Path
) -> None:
    daemon = run_daemon(serving(tls=tls(certs)))
    daemon.wait_ready(1)
    address = tcp_address(daemon)
    with channel_to(address, certs) as channel:
        assert echo(channel) == 1
        health = health_pb2_grpc.HealthStub(channel)
        status = health.Check(health_pb2.HealthCheckRequest(), timeout=10).status
        assert status == health_pb2.HealthCheckResponse.SERVING
    assert_refused(channel_to(address, None))
    daemon.wait_log(msg="gRPC reports a problem")


def test_client_ca_refuses_clients_without_its_certificate(
    run_daemon: RunDaemon, certs: Path
) -> None:
    daemon = run_daemon(serving(tls=tls(certs, "ca.pem")))
    daemon.wait_ready(1)
    address = tcp_address(daemon)
    with channel_to(address, certs, "client") as channel:
        assert echo(channel) == 1
    assert_refused(channel_to(address, certs))
    assert_refused(channel_to(address, certs, "stranger"))


def test_exec_speaks_tls_and_shows_a_certificate(
    run_daemon: RunDaemon, cli: Cli, certs: Path
) -> None:
    daemon = run_daemon(serving(tls=tls(certs, "ca.pem")))
    daemon.wait_ready(1)
    call = ("exec", "--address", tcp_address(daemon), "default", "echo", '{"a": 3}')
    ca = ("--tls-ca", str(certs / "ca.pem"))

    def shows(name: str) -> tuple[str, ...]:
        return ("--tls-cert", f"{certs}/{name}.pem", "--tls-key", f"{certs}/{name}.key")

    done = cli(*call, *ca, *shows("client"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["a"] == 3
    wrong_ca = ("--tls-ca", str(certs / "other.pem"))
    for refused in ((), ca, (*ca, *shows("stranger")), (*wrong_ca, *shows("client"))):
        done = cli(*call, "--timeout", "5", *refused)
        assert done.returncode in (1, 3), refused
        assert "UNAVAILABLE" in done.stderr, (refused, done.stderr)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--tls-ca", "{}/ca.pem"], "--tls-ca needs --address"),
        (["--address", "[::1]:1", "--tls-cert", "x"], "--tls-key need each other"),
        (["--address", "[::1]:1", "--tls-cert", "x", "--tls-key", "y"], "--tls-ca"),
        (["--address", "unix:/s", "--tls-ca", "{}/ca.pem"], "unix sockets speak no"),
        (["--address", "[::1]:1", "--tls-ca", "{}/none"], "cannot open"),
        (["--address", "[::1]:1", "--tls-ca", "{}/ca.key"], "has no certificate"),
    ],
)
def test_exec_refuses_what_cannot_be_tls(
    cli: Cli, certs: Path, options: list[str], words: str
) -> None:
    arguments = [option.replace("{}", str(certs)) for option in options]
    done = cli("exec", *arguments, "default", "echo")
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_unix_socket_stays_plain_beside_tls(
    run_daemon: RunDaemon, client: Client, certs: Path, snp_dir: Path
) -> None:
    cfg = serving(tcp(), f"unix:{snp_dir}/it.sock", tls=tls(certs, "ca.pem"))
    run_daemon(cfg).wait_ready(1)
    assert client.call("default", "echo", a=2)["a"] == 2


def test_workers_find_their_host_without_certificates(
    run_daemon: RunDaemon, certs: Path, snp_dir: Path
) -> None:
    run_daemon(serving(tls=tls(certs, "ca.pem"))).wait_ready(1)
    with channel_to(f"unix:{snp_dir}/it.d/host.sock", None) as channel:
        assert echo(channel) == 1


def test_operators_are_heard_on_the_unix_socket_only(
    run_daemon: RunDaemon, certs: Path
) -> None:
    daemon = run_daemon(serving(tls=tls(certs)))
    daemon.wait_ready(1)
    with channel_to(tcp_address(daemon), certs) as channel:
        drain: Any = channel.unary_unary("/snakepit.control.v1.Control/Drain")
        with pytest.raises(grpc.RpcError) as caught:
            drain(b"", timeout=10)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert echo(channel) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cert": "none.pem"}, ["tls: cannot open", "none.pem"]),
        ({"cert": "server.key"}, ["server.key", "no certificate"]),
        ({"key": "client.key"}, ["client.key", "does not belong", "server.pem"]),
        ({"key": "encrypted.key"}, ["encrypted.key", "without a password"]),
        ({"client_ca": "ca.key"}, ["ca.key", "no certificate"]),
    ],
)
def test_files_that_cannot_serve_are_named_at_the_start(
    world: World, certs: Path, change: dict[str, str], words: list[str]
) -> None:
    files = {**tls(certs), **{key: str(certs / name) for key, name in change.items()}}
    path = certs / "snakepit.yaml"
    path.write_text(json.dumps(serving(tls=files)))
    for arguments in (["--check"], []):
        done = world.run("snakepitd", "-c", str(path), *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith(f"snakepitd: {path}: ")
        for word in words:
            assert word in done.stderr


def test_other_hosts_need_tls_or_an_explicit_word(
    run_daemon: RunDaemon, world: World, certs: Path
) -> None:
    path = certs / "snakepit.yaml"
    everywhere = tcp("0.0.0.0")  # noqa: S104 - that is what the test is about
    path.write_text(json.dumps(serving(everywhere)))
    done = world.run("snakepitd", "-c", str(path), "--check")
    assert done.returncode == 2
    assert "listen[0]" in done.stderr
    assert "configure tls, or say listen_insecure: true" in done.stderr
    daemon = run_daemon(serving(everywhere, tls=tls(certs)))
    daemon.wait_ready(1)
    line = daemon.wait_log(level="warning", address=everywhere)
    assert "anyone who can reach" in line["msg"]
    port = tcp_address(daemon).rpartition(":")[2]
    with channel_to(f"localhost:{port}", certs) as channel:
        assert echo(channel) == 1
    daemon.stop()
    daemon = run_daemon(serving(everywhere, listen_insecure=True))
    daemon.wait_ready(1)
    with channel_to(tcp_address(daemon), None) as channel:
        assert echo(channel) == 1


def test_an_address_in_use_is_an_error_not_a_crash(
    world: World, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        path = tmp_path / "snakepit.yaml"
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        path.write_text(json.dumps(serving(address)))
        done = world.run("snakepitd", "-c", str(path))
    assert done.returncode == 1
    assert f'cannot listen on "{address}"' in done.stderr
    assert "in use" in done.stderr


def test_new_certificates_are_taken_at_a_reload(
    run_daemon: RunDaemon, certs: Path
) -> None:
    daemon = run_daemon(serving(tls=tls(certs)))
    daemon.wait_ready(1)
    host, _, port = tcp_address(daemon).rpartition(":")

    def shown() -> str:
        return ssl.get_server_certificate((host, int(port)))

    assert shown() == (certs / "server.pem").read_text()
    for end in (".pem", ".key"):
        (certs / f"renewed{end}").rename(certs / f"server{end}")
    daemon.process.send_signal(signal.SIGHUP)
    renewed = (certs / "server.pem").read_text()
    wait_until(lambda: shown() == renewed, 10, "the new certificate")
    (certs / "server.key").write_text("broken")
    daemon.process.send_signal(signal.SIGHUP)
    refused = "configuration refused, the old one stays in force"
    line = daemon.wait_log(msg=refused)
    assert "server.key" in line["error"]
    assert shown() == renewed
