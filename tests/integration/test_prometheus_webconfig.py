"""P21: what snakepit-prometheus does with a web.config.file.

TLS, client certificates, passwords, headers, rate limit, and files that change. The
text of the file is tested in tests/unit/prometheus/webconfig_test.c.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import select
import shutil
import socket
import ssl
import statistics
import subprocess
from pathlib import Path

import pytest
from peers import SCRAPED_S, Prometheus
from prometheus_kit import Start, certs, refused, segment, start, value
from readers import SANITIZED, Segment, parse_page, wait_for

__all__ = ["certs", "segment", "start"]

# Of "opensesame", at a cost that tests can pay.
HASH = "$2y$05$SnakepitPrometheusTeses6UI5YvxSuzX6UdfQ9FtLD.Yv8rd6ju"
Reply = tuple[int, dict[str, str], bytes]


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Guarded:
    """An exporter with a web.config.file, and how to ask it."""

    def __init__(self, start: Start, path: Path, segment: Segment, text: str) -> None:
        self.file = path / "web.yml"
        self.write(text)
        self.exporter = start("-n", str(segment.path), f"--web.config.file={self.file}")

    def write(self, text: str) -> None:
        """Put another in its place, as a careful editor does."""
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.chmod(0o600)
        new.rename(self.file)

    def ask(
        self,
        user: str | None = None,
        password: str = "",
        context: ssl.SSLContext | None = None,
        path: str = "/-/healthy",
    ) -> Reply:
        address = (self.exporter.host, self.exporter.port)
        connection: http.client.HTTPConnection = (
            http.client.HTTPSConnection("localhost", address[1], context=context)
            if context
            else http.client.HTTPConnection(*address)
        )
        headers = {}
        if user is not None:
            headers["Authorization"] = basic(user, password)
        connection.timeout = 15
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()


def client_tls(certs: Path, client: str | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certs / "ca.pem"))
    if client:
        context.load_cert_chain(certs / f"{client}.pem", certs / f"{client}.key")
    return context


def server_tls(certs: Path, name: str = "server", *more: str) -> str:
    lines = [f"cert_file: {certs}/{name}.pem", f"key_file: {certs}/{name}.key", *more]
    return "tls_server_config:\n" + "".join(f"  {line}\n" for line in lines)


def test_p21_basic_auth(segment: Segment, start: Start, tmp_path: Path) -> None:
    """P21: right, wrong and unknown users, on every page; the hash is not logged."""
    web = Guarded(start, tmp_path, segment, f"basic_auth_users: {{alice: '{HASH}'}}\n")
    for path in ("/metrics", "/", "/-/healthy", "/-/ready", "/nothing"):
        status, headers, body = web.ask(path=path)
        assert (status, body) == (401, b"Unauthorized\n")
        assert headers["WWW-Authenticate"].startswith("Basic")
    assert web.ask("alice", "opensesame", path="/metrics")[0] == 200
    assert web.ask("alice", "opensesame", path="/nothing")[0] == 404
    for user, password in (
        ("alice", "x"),
        ("bob", "opensesame"),
        ("", ""),
        ("alice", ""),
    ):
        assert web.ask(user, password)[0] == 401
    # A reload takes effect with the next request.
    web.write(f"basic_auth_users: {{bob: '{HASH}'}}\n")
    assert web.ask("alice", "opensesame")[0] == 401
    assert web.ask("bob", "opensesame")[0] == 200
    web.write("")
    assert web.ask()[0] == 200
    log = web.exporter.log.read_text()
    assert HASH[7:] not in log
    assert "opensesame" not in log
    assert "can read" not in log


def test_p21_a_wrong_password_stalls_nobody_else(
    segment: Segment, start: Start, tmp_path: Path
) -> None:
    """P21: while one is compared, which takes a second, others have their pages."""
    slow = HASH.replace("$05$", "$14$")
    users = f"basic_auth_users: {{alice: '{HASH}', bob: '{slow}'}}\n"
    web = Guarded(start, tmp_path, segment, users)
    assert web.ask("alice", "opensesame", path="/metrics")[0] == 200
    with socket.create_connection((web.exporter.host, web.exporter.port)) as storm:
        storm.sendall(
            "GET /metrics HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: {basic('bob', 'wrong')}\r\n\r\n".encode()
        )
        assert web.ask("alice", "opensesame", path="/metrics")[0] == 200
        assert not select.select([storm], [], [], 0)[0], "it was waited for"
        storm.settimeout(60)
        assert storm.recv(12) == b"HTTP/1.1 401"


def test_p21_ends_while_passwords_are_compared(
    segment: Segment, start: Start, tmp_path: Path
) -> None:
    slow = HASH.replace("$05$", "$12$")
    web = Guarded(start, tmp_path, segment, f"basic_auth_users: {{bob: '{slow}'}}\n")
    with contextlib.ExitStack() as storm:
        sockets = []
        for i in range(50):
            one = socket.create_connection((web.exporter.host, web.exporter.port))
            sockets.append(storm.enter_context(one))
            word = basic("bob", f"wrong {i}")
            one.sendall(
                f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: {word}\r\n\r\n".encode()
            )
        assert select.select(sockets, [], [], 60)[0]
        assert web.exporter.stop() == 0


def test_p21_an_unknown_user_takes_as_long(
    segment: Segment, start: Start, tmp_path: Path
) -> None:
    """P21: wrong password and unknown user differ by less than 20 % (see auth_test)."""
    web = Guarded(start, tmp_path, segment, f"basic_auth_users: {{alice: '{HASH}'}}\n")
    cpu = "process_cpu_seconds_total"

    def cost(user: str, round_: int) -> float:
        def spent() -> float:
            page = web.ask("alice", "opensesame", path=f"/metrics?name[]={cpu}")[2]
            return value(parse_page(page.decode()), cpu)

        before = spent()
        for i in range(10):
            assert web.ask(user, f"wrong {user} {round_} {i}")[0] == 401
        return spent() - before

    pairs = [(cost("alice", i), cost("stranger", i)) for i in range(5)]
    ratio = statistics.median(a for a, _ in pairs) / statistics.median(
        b for _, b in pairs
    )
    assert SANITIZED or 0.8 < ratio < 1.25


def test_p21_headers_and_rate(segment: Segment, start: Start, tmp_path: Path) -> None:
    """P21: headers on every answer; 429 beyond the burst."""
    headers = {
        "Strict-Transport-Security": "max-age=60",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "deny",
        "X-XSS-Protection": "1; mode=block",
        "Content-Security-Policy": "default-src 'none'",
    }
    text = "http_server_config:\n  http2: true\n  headers:\n" + "".join(
        f'    {name}: "{content}"\n' for name, content in headers.items()
    )
    web = Guarded(start, tmp_path, segment, text)
    for path in ("/metrics", "/nothing", "/-/healthy"):
        got = web.ask(path=path)[1]
        assert headers.items() <= got.items()
    web.write("rate_limit: {interval: 1h, burst: 3}\n")
    assert [web.ask()[0] for _ in range(5)] == [200, 200, 200, 429, 429]
    assert web.ask()[2] == b"Too Many Requests\n"
    web.write("rate_limit: {interval: 1ms, burst: 1}\n")
    wait_for("tokens to come again", lambda: web.ask()[0] == 200)


def test_p21_tls_versions_ciphers_and_curves(
    segment: Segment, start: Start, tmp_path: Path, certs: Path
) -> None:
    """P21: TLS 1.2 at least, unless the file says otherwise; suites and curves."""
    web = Guarded(start, tmp_path, segment, server_tls(certs))

    def agree(
        versions: tuple[ssl.TLSVersion, ssl.TLSVersion], ciphers: str = ""
    ) -> str | None:
        context = client_tls(certs)
        context.set_ciphers(ciphers or "ALL:@SECLEVEL=0")
        with_warnings = pytest.warns if versions[0] < ssl.TLSVersion.TLSv1_2 else None
        with (
            with_warnings(DeprecationWarning)
            if with_warnings
            else (contextlib.nullcontext())
        ):
            context.minimum_version, context.maximum_version = versions
        try:
            with socket.create_connection(("localhost", web.exporter.port)) as plain:
                plain.settimeout(15)
                with context.wrap_socket(plain, server_hostname="localhost") as tls:
                    found = tls.cipher()
                    return f"{tls.version()} {found[0] if found else ''}"
        except (ssl.SSLError, ConnectionResetError):
            return None

    v = ssl.TLSVersion
    assert str(agree((v.TLSv1_2, v.TLSv1_3))).startswith("TLSv1.3")
    assert str(agree((v.TLSv1_2, v.TLSv1_2))).startswith("TLSv1.2")
    assert agree((v.TLSv1, v.TLSv1_1)) is None
    web.write(server_tls(certs, "server", "min_version: TLS13"))
    assert agree((v.TLSv1_2, v.TLSv1_2)) is None
    assert str(agree((v.TLSv1_2, v.TLSv1_3))).startswith("TLSv1.3")
    web.write(server_tls(certs, "server", "max_version: TLS12"))
    assert str(agree((v.TLSv1_2, v.TLSv1_3))).startswith("TLSv1.2")
    suite = "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]"
    web.write(server_tls(certs, "server", suite, "max_version: TLS12"))
    only = "ECDHE-ECDSA-AES256-GCM-SHA384"
    assert agree((v.TLSv1_2, v.TLSv1_2)) == f"TLSv1.2 {only}"
    assert agree((v.TLSv1_2, v.TLSv1_2), "ECDHE-ECDSA-AES128-GCM-SHA256") is None
    # Without TLS at all nobody gets in.
    with pytest.raises((http.client.HTTPException, OSError)):
        web.exporter.request("/-/healthy")
    web.write(server_tls(certs, "server", "curve_preferences: [CurveP384]"))
    for curve, ok in (("prime256v1", False), ("secp384r1", True)):
        context = client_tls(certs)
        context.set_ecdh_curve(curve)
        if ok:
            assert web.ask(context=context)[0] == 200
        else:
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                web.ask(context=context)


def test_p21_client_certificates(
    segment: Segment, start: Start, tmp_path: Path, certs: Path
) -> None:
    """P21: the five client_auth_types, the CA, and the list of allowed names."""
    ca = f"client_ca_file: {certs}/ca.pem"
    web = Guarded(start, tmp_path, segment, server_tls(certs))

    def lets_in(client: str | None) -> bool:
        try:
            return web.ask(context=client_tls(certs, client))[0] == 200
        except (ssl.SSLError, ConnectionError, http.client.HTTPException):
            return False

    for auth, more, expected in (
        ("NoClientCert", (), (True, True, True)),
        ("RequestClientCert", (), (True, True, True)),
        ("RequireAnyClientCert", (), (False, True, True)),
        ("VerifyClientCertIfGiven", (ca,), (True, True, False)),
        ("RequireAndVerifyClientCert", (ca,), (False, True, False)),
    ):
        web.write(server_tls(certs, "server", f"client_auth_type: {auth}", *more))
        found = tuple(lets_in(client) for client in (None, "client", "stranger"))
        assert found == expected, auth
    must = ("client_auth_type: RequireAndVerifyClientCert", ca)
    for sans, expected_one in (
        ("[elsewhere.example, localhost]", True),
        ("[127.0.0.1]", True),
        ("[elsewhere.example, local]", False),
    ):
        web.write(server_tls(certs, "server", *must, f"client_allowed_sans: {sans}"))
        assert lets_in("client") == expected_one, sans
    inline = "".join(
        f"  {key}: |\n"
        + "".join(f"    {line}\n" for line in (certs / name).read_text().splitlines())
        for key, name in (
            ("cert", "server.pem"),
            ("key", "server.key"),
            ("client_ca", "ca.pem"),
        )
    )
    web.write(f"tls_server_config:\n  client_auth_type: {must[0].split()[1]}\n{inline}")
    assert lets_in("client")
    assert not lets_in("stranger")


def test_p21_certificates_are_read_again(
    segment: Segment, start: Start, tmp_path: Path, certs: Path
) -> None:
    """P21: a new certificate under the same name serves the next connection."""
    for suffix in (".pem", ".key"):
        shutil.copy(certs / f"server{suffix}", tmp_path / f"live{suffix}")
    # Names count from where the file is.
    web = Guarded(
        start,
        tmp_path,
        segment,
        "tls_server_config: {cert_file: live.pem, key_file: live.key}\n",
    )

    def served() -> str:
        port = web.exporter.port
        return ssl.get_server_certificate(("localhost", port), timeout=15)

    def words(name: str) -> str:
        return (certs / name).read_text().strip()

    assert served().strip() == words("server.pem")
    for suffix in (".pem", ".key"):
        shutil.copy(certs / f"renewed{suffix}", tmp_path / f"new{suffix}")
        os.replace(tmp_path / f"new{suffix}", tmp_path / f"live{suffix}")
    assert served().strip() == words("renewed.pem")
    assert web.ask(context=client_tls(certs))[0] == 200
    # Halves that do not fit: the old ones serve, and what they serve is an error.
    shutil.copy(certs / "server.key", tmp_path / "live.key")
    status, _, body = web.ask(context=client_tls(certs))
    assert (status, body[:21]) == (500, b"the web configuration")
    assert served().strip() == words("renewed.pem")
    shutil.copy(certs / "server.pem", tmp_path / "live.pem")
    assert web.ask(context=client_tls(certs))[0] == 200
    assert served().strip() == words("server.pem")


def test_p21_a_bad_file_refuses_the_start(tmp_path: Path, certs: Path) -> None:
    """P21: status 1 and one line with file and line; no secret in it."""
    file = tmp_path / "web.yml"
    for text, said in (
        ("tls_server_config:\n  cert: x\n  keys: y\n", ":3: unknown key 'keys'"),
        ("basic_auth_users:\n  alice: hunter2\n", ":2: the password of 'alice'"),
        (server_tls(tmp_path), f"cannot open '{tmp_path}/server.pem'"),
        (server_tls(certs, "server", "cipher_suites: [NONE]"), "unknown suite 'NONE'"),
        (server_tls(certs, "server", "curve_preferences: [P1]"), "unknown curve 'P1'"),
        (
            server_tls(certs).replace("server.key", "renewed.key"),
            "certificate and key cannot be used",
        ),
        ("{", ":2: not valid YAML"),
    ):
        file.write_text(text)
        status, stderr = refused(f"--web.config.file={file}")
        assert status == 1
        assert len(stderr.splitlines()) == 1
        assert f"{file}" in stderr
        assert said in stderr
        assert "hunter2" not in stderr
    status, stderr = refused(f"--web.config.file={tmp_path}/none.yml")
    assert status == 1
    assert "No such file" in stderr


def test_p21_a_file_gone_bad_is_answered_with_500(
    segment: Segment, start: Start, tmp_path: Path
) -> None:
    """P21: 500 until it is good again, and one line in the log for each change."""
    web = Guarded(start, tmp_path, segment, "rate_limit: {interval: 0}\n")
    web.write("rate_limit: {interval: often}\n")
    for _ in range(3):
        assert web.ask()[0] == 500
    web.write("tls_server_config: {cert: x, key: y}\n")
    assert web.ask()[0] == 500
    web.file.unlink()
    assert web.ask()[0] == 500
    web.write("")
    assert web.ask()[0] == 200
    lines = web.exporter.log.read_text().splitlines()
    bad = [line for line in lines if "level=error" in line]
    assert len(bad) == 3
    assert f"{web.file}:1: interval: 'often'" in bad[0]


def test_p21_a_file_everybody_can_read_is_warned_of(
    segment: Segment, start: Start, tmp_path: Path
) -> None:
    """P21: where it holds hashes."""
    web = Guarded(start, tmp_path, segment, "")
    web.file.chmod(0o644)
    web.write("")
    assert web.ask()[0] == 200
    assert "everybody on this machine" not in web.exporter.log.read_text()
    web.file.write_text(f"basic_auth_users: {{alice: '{HASH}'}}\n")
    web.file.chmod(0o644)
    assert web.ask()[0] == 401
    assert "everybody on this machine can read" in web.exporter.log.read_text()
    assert HASH[7:] not in web.exporter.log.read_text()


# ---- Prometheus' own ideas of all this -----------------------------------------------


def test_p21_prometheus_scrapes_through_all_of_it(
    segment: Segment, start: Start, tmp_path: Path, certs: Path
) -> None:
    """P21: TLS with a client certificate that is looked at, and a password."""
    must = "client_auth_type: RequireAndVerifyClientCert"
    web = Guarded(
        start,
        tmp_path,
        segment,
        server_tls(certs, "server", must, f"client_ca_file: {certs}/ca.pem")
        + "  client_allowed_sans: [localhost]\n"
        + f"basic_auth_users: {{alice: '{HASH}'}}\n",
    )
    server = Prometheus(
        tmp_path,
        web.exporter.port,
        more=f"""
  scheme: https
  basic_auth: {{username: alice, password: opensesame}}
  tls_config:
    ca_file: {certs}/ca.pem
    cert_file: {certs}/client.pem
    key_file: {certs}/client.key
    server_name: localhost
""",
    )
    try:
        wait_for("a scrape", server.is_up, SCRAPED_S)
        wait_for(
            "the page to be stored",
            lambda: list(server.stored("snakepit_up").values()) == [1],
            SCRAPED_S,
        )
    finally:
        server.stop()


def test_p21_promtool_agrees_about_files(tmp_path: Path, certs: Path) -> None:
    """P21: we take the files that `promtool check web-config` takes, and no others."""
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed")
    ca = f"client_ca_file: {certs}/ca.pem"
    file = tmp_path / "web.yml"
    for text in (
        "",
        server_tls(certs),
        server_tls(certs, "server", "client_auth_type: RequireAnyClientCert"),
        server_tls(certs, "server", "client_auth_type: RequireAndVerifyClientCert", ca),
        server_tls(certs, "server", "min_version: TLS10", "max_version: TLS12"),
        server_tls(certs, "server", "cipher_suites: [TLS_AES_128_GCM_SHA256]"),
        server_tls(
            certs,
            "server",
            "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA]",
            "prefer_server_cipher_suites: yes",
            "curve_preferences: [X25519, CurveP521]",
        ),
        f"basic_auth_users: {{alice: '{HASH}'}}\n",
        "http_server_config: {http2: false, headers: {X-Frame-Options: deny}}\n",
        "tls_server_config: {cert_file: x}\n",
        server_tls(tmp_path),
        server_tls(certs, "server", "client_auth_type: Sometimes"),
        server_tls(certs, "server", ca),
        server_tls(certs, "server", "min_version: SSL3"),
        server_tls(certs, "server", "cipher_suites: [RC4]"),
        server_tls(certs, "server", "curve_preferences: [P256]"),
        server_tls(certs, "server", "unknown: 1"),
        "http_server_config: {headers: {X-Frame-Options: maybe}}\n",
        "http_server_config: {headers: {Server: me}}\n",
        "basic_auth_users: [alice]\n",
        "users: {}\n",
        "{",
    ):
        file.write_text(text)
        promtool = subprocess.run(
            ["promtool", "check", "web-config", str(file)],
            capture_output=True,
            timeout=30,
            check=False,
        )
        # Refused by the address where the file is good: that is enough of a start.
        status, stderr = refused(
            f"--web.config.file={file}", "--web.listen-address=192.0.2.1:1"
        )
        assert status == 1
        assert ("192.0.2.1" in stderr) == (promtool.returncode == 0), (text, stderr)
