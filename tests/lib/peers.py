"""Real servers that scrape: Prometheus and VictoriaMetrics, as Debian packages them.

One that is not installed skips the test that wants it.
"""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from readers import Samples

# A server looks for its targets for 5 s before it scrapes one.
SCRAPED_S = 60

_CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: snakepit
  static_configs: [{{targets: ['127.0.0.1:{target}']}}]
{more}"""


class Server:
    """A server with Prometheus' API, scraping every second into its own storage."""

    program: str
    storage: str
    options: tuple[str, ...] = ()
    config_flag: str
    listen_flag: str

    def __init__(
        self, directory: Path, target: int, *options: str, more: str = ""
    ) -> None:
        """`more`: lines of the configuration's one job."""
        if not shutil.which(self.program):
            pytest.skip(f"{self.program} is not installed")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        config = directory / f"{self.program}.yml"
        config.write_text(_CONFIG.format(target=target, more=more))
        self.log = (directory / f"{self.program}.log").open("wb")
        self.process = subprocess.Popen(
            [
                self.program,
                f"{self.config_flag}={config}",
                f"{self.storage}={directory / self.program}",
                f"{self.listen_flag}=127.0.0.1:{self.port}",
                *self.options,
                *options,
            ],
            stdout=self.log,
            stderr=self.log,
        )

    def api(self, path: str, **query: str) -> Any:
        """Ask; nothing while the server is not there yet."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", f"/api/v1/{path}?{urlencode(query)}")
            answer = connection.getresponse().read()
            return json.loads(answer).get("data", {})
        except (OSError, json.JSONDecodeError):
            return {}
        finally:
            connection.close()

    def target(self) -> dict[str, Any]:
        """Return what the server says of its one target, once it has scraped it.

        A scrape that failed is what it says then; the next one may be in time.
        """
        targets = (self.api("targets") or {}).get("activeTargets") or []
        for target in targets:
            if target["health"] == "up" or target["lastError"]:
                found: dict[str, Any] = target
                return found
        return {}

    def is_up(self) -> bool:
        """Tell whether the last scrape went well.

        One that the machine had no time for fails, and all series are stale until the
        next: whoever asks waits for what is to be there, with all that belongs to it.
        """
        target = self.target()
        return (target.get("health"), target.get("lastError")) == ("up", "")

    def query(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (self.api("query", query=query) or {}).get(
            "result", []
        )
        return found

    def stored(self, query: str) -> Samples:
        samples: Samples = {}
        for found in self.query(query):
            labels = dict(found["metric"])
            name = labels.pop("__name__")
            for added in ("job", "instance"):
                labels.pop(added)
            samples[name, tuple(sorted(labels.items()))] = float(found["value"][1])
        return samples

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)
        self.log.close()


class Prometheus(Server):
    """Debian's is 2.42: it takes OpenMetrics, and protobuf for native histograms."""

    program = "prometheus"
    storage = "--storage.tsdb.path"
    config_flag = "--config.file"
    listen_flag = "--web.listen-address"


class VictoriaMetrics(Server):
    """Takes text 0.0.4."""

    program = "victoria-metrics"
    storage = "-storageDataPath"
    config_flag = "-promscrape.config"
    listen_flag = "-httpListenAddr"
    # What was scraped can be asked for at once.
    options = ("-search.latencyOffset=0s", "-search.disableCache")
