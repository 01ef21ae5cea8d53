"""The page in every format: what is on it, what parsers and servers make of it.

The names of tests begin with the number of what they check (P03 to P15).
"""

from __future__ import annotations

import gzip
import importlib.util
import math
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from google.protobuf import descriptor_pb2
from harness import wait_until
from peers import SCRAPED_S, Prometheus, VictoriaMetrics
from prometheus_client.openmetrics import parser as openmetrics
from readers import (
    ROOT,
    Exporter,
    Labels,
    Samples,
    Segment,
    inspect_json,
    parse_page,
    series_of,
    wait_for,
)

TEXT = "text/plain;version=0.0.4"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
    "encoding=delimited"
)
HOSTILE = ("4", "2", "4", "hostile")
DURATION = "snakepit_request_duration_seconds"
WORD_STATS = (("method", "word_stats"), ("pool", "default"))
# Debian's package of the official messages is older than these fields (its 0.3.0, they
# are of 0.5.0 to 0.6.0).
NEWER = {
    ("Counter", "created_timestamp"),
    ("Histogram", "created_timestamp"),
    ("Histogram", "exemplars"),
    ("MetricFamily", "unit"),
}
OFFICIAL = Path(
    "/usr/share/gocode/src/github.com/prometheus/client_model/io/prometheus/client"
)

Start = Callable[..., Exporter]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    exporters: list[Exporter] = []

    def run(segment: Segment, *options: str) -> Exporter:
        log = tmp_path / f"exporter{len(exporters)}.log"
        exporters.append(Exporter(log, "-n", str(segment.path), *options))
        return exporters[-1]

    yield run
    for exporter in exporters:
        assert exporter.stop() == 0, exporter.log.read_text()


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[Segment]:
    segment = Segment(tmp_path)
    yield segment
    segment.close()


# ---- the formats ---------------------------------------------------------------------


def fetch(exporter: Exporter, accept: str, path: str = "/metrics") -> bytes:
    status, _, body = exporter.request(path, headers={"Accept": accept})
    assert status == 200
    return body


def compile_proto(name: str, *folders: Path) -> descriptor_pb2.FileDescriptorProto:
    # In a process of its own: the official file has the same message names.
    done = subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", "-I/usr/include"),
            *(f"-I{folder}" for folder in folders),
            "--descriptor_set_out=/dev/stdout",
            name,
        ],
        capture_output=True,
        check=True,
    )
    files = descriptor_pb2.FileDescriptorSet.FromString(done.stdout)
    return files.file[-1]


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """Python's classes for proto/prometheus/metrics.proto."""
    out = tmp_path_factory.mktemp("proto")
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", "-I/usr/include"),
            *(f"-I{ROOT / 'proto/prometheus'}", f"--python_out={out}", "metrics.proto"),
        ],
        check=True,
    )
    spec = importlib.util.spec_from_file_location("metrics_pb2", out / "metrics_pb2.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parse_protobuf(messages: ModuleType, body: bytes) -> list[Any]:
    """Families behind their lengths, to the last byte."""
    families, at = [], 0
    while at < len(body):
        size = shift = 0
        while True:
            byte = body[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        assert at + size <= len(body)
        families.append(messages.MetricFamily.FromString(body[at : at + size]))
        at += size
    return families


def go_float(number: float) -> str:
    """Spell a bucket's bound, below 1e6, as OpenMetrics wants it."""
    if number == float("inf"):
        return "+Inf"
    return repr(number)


def samples_of_protobuf(families: list[Any]) -> Samples:
    samples: Samples = {}
    for family in families:
        for metric in family.metric:
            labels = tuple(sorted((pair.name, pair.value) for pair in metric.label))
            if metric.HasField("counter"):
                samples[family.name, labels] = metric.counter.value
            elif metric.HasField("gauge"):
                samples[family.name, labels] = metric.gauge.value
            else:
                histogram = metric.histogram
                samples[family.name + "_count", labels] = histogram.sample_count
                samples[family.name + "_sum", labels] = histogram.sample_sum
                for bucket in histogram.bucket:
                    le = ("le", go_float(bucket.upper_bound))
                    key = (family.name + "_bucket", tuple(sorted((*labels, le))))
                    samples[key] = bucket.cumulative_count
    return samples


def parse_openmetrics(page: str) -> Samples:
    samples: Samples = {}
    parse: Any = openmetrics.text_string_to_metric_families  # has no types
    for family in parse(page):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in samples
            samples[key] = float(sample.value)
    return samples


def freeze(segment: Segment, exporter: Exporter) -> None:
    """From here on nothing changes, also not whether the runtime is up."""
    segment.tell("freeze")
    wait_for("a hung runtime", lambda: exporter.samples()["snakepit_up", ()] == 0)


def lasting(samples: Samples) -> Samples:
    """Leave out what is different at each scrape."""
    return {
        (name, labels): number
        for (name, labels), number in samples.items()
        if not name.startswith("process_")
        and name != "snakepit_scrape_duration_seconds"
    }


@pytest.mark.parametrize("shape", [(), HOSTILE], ids=["plain", "hostile"])
def test_p06_formats_say_the_same(
    shape: tuple[str, ...], start: Start, messages: ModuleType, tmp_path: Path
) -> None:
    """P04, P06, P07: all formats parse strictly, into the same samples."""
    segment = Segment(tmp_path, "shape", *shape)
    exporter = start(segment, "--collector.diag")
    freeze(segment, exporter)
    text = lasting(parse_page(fetch(exporter, TEXT).decode()))
    om = lasting(parse_openmetrics(fetch(exporter, OPENMETRICS).decode()))
    families = parse_protobuf(messages, fetch(exporter, PROTOBUF))
    protobuf = lasting(samples_of_protobuf(families))
    assert len(text) > 150
    assert om == text
    assert protobuf.keys() == text.keys()
    for key, number in text.items():  # a double made from digits, or by division
        assert math.isclose(protobuf[key], number, rel_tol=1e-15), key
    segment.close()


def test_p05_heads_stand_once(segment: Segment, start: Start) -> None:
    """P05, P11: TYPE, UNIT and HELP of each family once, before it; the end once."""
    page = fetch(start(segment, "--collector.diag"), OPENMETRICS).decode()
    assert page.endswith("\n# EOF\n")
    assert page.count("# EOF") == 1
    assert "\n\n" not in page
    heads: dict[str, list[str]] = {}
    family = ""
    for line in page.splitlines()[:-1]:
        if not line.startswith("#"):
            assert line.startswith(family)
            continue
        _, keyword, family, _ = line.split(" ", 3)
        heads.setdefault(family, []).append(keyword)
    for family, keywords in heads.items():
        unit = next((u for u in ("seconds", "bytes") if family.endswith("_" + u)), "")
        assert keywords == (["TYPE", "UNIT", "HELP"] if unit else ["TYPE", "HELP"])
        assert not unit or f"# UNIT {family} {unit}\n" in page
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))
    assert types["snakepit_requests"] == "counter"
    assert types["snakepit_worker"] == "info"
    assert types["snakepit_request_duration_seconds"] == "histogram"


def test_p12_bounds_are_canonical(segment: Segment, start: Start) -> None:
    """P12: le reads the same in both texts, as Go prints it, always a float."""
    exporter = start(segment)
    pages = [fetch(exporter, accept).decode() for accept in (TEXT, OPENMETRICS)]
    bounds = [set(re.findall(r'[{,]le="([^"]*)"', page)) for page in pages]
    assert bounds[0] == bounds[1]
    assert {"0.0005", "1.0", "10.0", "86400.0", "+Inf"} <= bounds[0]
    assert all(go_float(float(bound)) == bound for bound in bounds[0])


@pytest.mark.parametrize("accept", [TEXT, OPENMETRICS, PROTOBUF])
def test_p10_gzip_changes_nothing_but_the_size(
    accept: str, segment: Segment, start: Start
) -> None:
    """P10: compressed when asked, the same page after gunzip."""
    exporter = start(segment)
    freeze(segment, exporter)
    path = "/metrics?name[]=" + DURATION
    plain = fetch(exporter, accept, path)
    for encoding, compressed in (
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("identity", False),
        ("zstd", False),
    ):
        headers = {"Accept": accept, "Accept-Encoding": encoding}
        status, answer, body = exporter.request(path, headers=headers)
        assert (status, answer["Vary"]) == (200, "Accept, Accept-Encoding")
        assert answer.get("Content-Encoding") == ("gzip" if compressed else None)
        assert (gzip.decompress(body) if compressed else body) == plain
        assert not compressed or len(body) < len(plain)


# ---- histograms, exemplars, start times ----------------------------------------------


def native_buckets(histogram: Any) -> dict[int, int]:
    """Count by native bucket, from spans and deltas."""
    buckets: dict[int, int] = {}
    deltas = iter(histogram.positive_delta)
    index = count = 0
    for span in histogram.positive_span:
        index += span.offset
        for _ in range(span.length):
            count += next(deltas)
            buckets[index] = count
            index += 1
    assert next(deltas, None) is None
    return buckets


def test_p13_native_buckets_are_those_of_the_segment(
    start: Start, messages: ModuleType, tmp_path: Path
) -> None:
    """P13: spans and deltas add up to the segment's buckets; empty ones have a span."""
    segment = Segment(tmp_path)
    for _ in range(20):
        segment.tell("step")
    exporter = start(segment)
    freeze(segment, exporter)
    families = parse_protobuf(messages, fetch(exporter, PROTOBUF))
    natives = {
        (family.name, tuple(sorted((p.name, p.value) for p in metric.label))): (
            metric.histogram
        )
        for family in families
        if family.type == messages.HISTOGRAM
        for metric in family.metric
    }
    empty = full = 0
    for metric in inspect_json(segment.path)["metrics"]:
        for series in metric["series"] if metric["kind"] == "histogram" else []:
            key = (metric["prometheus_name"], tuple(sorted(series["labels"].items())))
            native = natives.pop(key)
            buckets = native_buckets(native)
            assert native.schema == 3
            assert native.sample_count == series["count"]
            assert native.zero_count + sum(buckets.values()) == series["count"]
            counted = {
                round(2 ** (index / 8) * 1e9): count
                for index, count in buckets.items()
                if count
            }
            want = {
                bucket["le_ns"]: bucket["count"]
                for bucket in series["buckets"]
                if bucket["count"]
            }
            if native.zero_count:
                counted[round(native.zero_threshold * 1e9)] = native.zero_count
            # The segment has the integer part of a bound, in steps of 1 or 64 ns.
            assert list(dict(sorted(counted.items())).values()) == (
                list(dict(sorted(want.items())).values())
            )
            for got, bound in zip(sorted(counted), sorted(want)):
                assert abs(got - bound) <= 64
            empty += not buckets
            full += bool(counted)
            if not buckets:
                assert [(s.offset, s.length) for s in native.positive_span] == [(0, 0)]
    assert not natives
    assert full >= 6
    assert empty >= 2


def exemplars_of(page: str) -> dict[str, tuple[str, float, float]]:
    """Trace id, value and time by bucket of word_stats' durations."""
    found = re.findall(
        DURATION + r'_bucket\{pool="default",method="word_stats",le="([^"]*)"\} \d+ # '
        r'\{trace_id="([0-9a-f]{32})",span_id="[0-9a-f]{16}"\} (\S+) (\S+)\n',
        page,
    )
    return {le: (trace, float(value), float(at)) for le, trace, value, at in found}


def test_p09_exemplars_are_in_their_buckets(segment: Segment, start: Start) -> None:
    """P09: a trace for a bucket, with its time; in OpenMetrics and protobuf alone."""
    exporter = start(segment)
    segment.tell("step")
    page = fetch(exporter, OPENMETRICS).decode()
    exemplars = exemplars_of(page)
    assert page.count(" # {") == len(exemplars) == 1
    assert exemplars["0.005"][0] == f"{0x0AF7651916CD43DD:016x}{2:016x}"
    assert exemplars["0.005"][1] == 0.005
    bounds = [float(le) for le in re.findall(r'le="([^"]*)"', page)]
    for le, (_, number, at) in exemplars.items():
        below = max((b for b in bounds if b < float(le)), default=0.0)
        assert below < number <= float(le)
        assert at > 1.7e9
    # The same at the next scrape, until there is a slower one.
    assert exemplars_of(fetch(exporter, OPENMETRICS).decode()) == exemplars
    assert " # {" not in fetch(exporter, TEXT).decode()


def test_p14_created_samples_by_flag(segment: Segment, start: Start) -> None:
    """P14: none unless asked for; then each next to its sample, since its row began."""
    page = fetch(start(segment), OPENMETRICS).decode()
    assert not re.search(r"^\S+_created[ {]", page, re.MULTILINE)
    exporter = start(segment, "--web.enable-created-metrics")
    page = fetch(exporter, OPENMETRICS).decode()
    samples = parse_openmetrics(page)
    began = samples["snakepit_start_time_seconds", ()]
    created = {key: at for key, at in samples.items() if key[0].endswith("_created")}
    assert (DURATION + "_created", WORD_STATS) in created
    assert ("snakepit_requests_created", WORD_STATS) in created
    assert all(0 <= at - began < 60 for at in created.values())
    assert created["snakepit_log_lines_dropped_created", ()] == began
    assert parse_openmetrics(fetch(exporter, OPENMETRICS).decode()).items() >= (
        created.items()
    )
    page = fetch(exporter, TEXT).decode()
    assert not re.search(r"^\S+_created[ {]", page, re.MULTILINE)


def start_times(messages: ModuleType, exporter: Exporter) -> dict[str, set[float]]:
    times: dict[str, set[float]] = {}
    for family in parse_protobuf(messages, fetch(exporter, PROTOBUF)):
        for metric in family.metric:
            for kind in ("counter", "histogram"):
                if metric.HasField(kind) and family.name.startswith("snakepit_"):
                    at = getattr(metric, kind).created_timestamp
                    times.setdefault(family.name, set()).add(
                        at.seconds + at.nanos / 1e9
                    )
    return times


def test_p15_restart_begins_anew(
    segment: Segment, start: Start, messages: ModuleType
) -> None:
    """P14, P15: start times are the segment's, and advance with a new runtime."""
    exporter = start(segment)
    requests = ("snakepit_requests_total", WORD_STATS)
    for _ in range(3):
        segment.tell("step")
    before, samples = start_times(messages, exporter), exporter.samples()
    began = samples["snakepit_start_time_seconds", ()]
    (segment_began,) = before["snakepit_log_lines_dropped_total"]
    assert abs(segment_began - began) < 1e-6
    assert samples[requests] == 40
    segment.kill()
    successor = Segment(segment.path.parent)
    after, samples = start_times(messages, exporter), exporter.samples()
    assert samples[requests] == 10
    assert samples["snakepit_start_time_seconds", ()] > began
    own = {"snakepit_shm_torn_reads_total", "snakepit_shm_rows_skipped_total"}
    for name in before.keys() - own - {"snakepit_metric_overflows_total"}:
        assert min(after[name]) > max(before[name]), name
    successor.close()


# ---- the official messages -----------------------------------------------------------


def fields_of(file: descriptor_pb2.FileDescriptorProto) -> dict[tuple[str, str], Any]:
    return {
        (message.name, field.name): (
            field.number,
            field.label,
            field.type,
            field.type_name,
        )
        for message in file.message_type
        for field in message.field
    }


def test_messages_are_the_official_ones() -> None:
    if not (OFFICIAL / "metrics.proto").exists():
        pytest.skip("golang-github-prometheus-client-model-dev is not installed")
    ours = compile_proto("prometheus/metrics.proto", ROOT / "proto")
    theirs = compile_proto("metrics.proto", OFFICIAL)
    assert ours.package == theirs.package
    (our_types,), (their_types,) = ours.enum_type, theirs.enum_type
    numbers = {value.name: value.number for value in our_types.value}
    known = {value.name: value.number for value in their_types.value}
    assert numbers.items() >= known.items()
    official = fields_of(theirs)
    missing = {key for key in fields_of(ours) if key not in official}
    assert missing <= NEWER
    for key, field in fields_of(ours).items():
        assert field == official.get(key, field), key


# ---- real servers --------------------------------------------------------------------


class Scraped:
    """One exporter and the servers that scrape it, each in the format it prefers."""

    def __init__(self, directory: Path) -> None:
        self.segment = Segment(directory)
        self.exporter = Exporter(
            directory / "exporter.log", "-n", str(self.segment.path), "--collector.diag"
        )
        self.servers: dict[str, Prometheus | VictoriaMetrics] = {}
        target = self.exporter.port
        for name, server, options in (
            ("text", VictoriaMetrics, ()),
            ("openmetrics", Prometheus, ("--enable-feature=exemplar-storage",)),
            (
                "protobuf",
                Prometheus,
                ("--enable-feature=native-histograms,exemplar-storage",),
            ),
        ):
            folder = directory / name
            folder.mkdir()
            try:
                self.servers[name] = server(folder, target, *options)
            except pytest.skip.Exception:
                continue

    def server(self, name: str) -> Any:
        if name not in self.servers:
            pytest.skip(f"the server that takes {name} is not installed")
        server = self.servers[name]
        wait_for(f"{name} to be scraped", server.target, SCRAPED_S)
        return server

    def close(self) -> None:
        for server in self.servers.values():
            server.stop()
        self.exporter.stop()
        self.segment.close()


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    """All servers at once: each takes 5 s to find its target."""
    scraped = Scraped(tmp_path_factory.mktemp("scraped"))
    yield scraped
    scraped.close()


def plain_labels(labels: Labels) -> Labels:
    """Empty labels do not exist for a server."""
    return tuple(pair for pair in labels if pair[1])


@pytest.mark.parametrize("name", ["text", "openmetrics"])
def test_p05_servers_store_the_page(name: str, scraped: Scraped) -> None:
    """P05: nothing refused, as many samples as there are, with their values."""
    server = scraped.server(name)
    page = scraped.exporter.samples()
    series = series_of(inspect_json(scraped.segment.path))

    def all_stored() -> bool:
        counted = server.query("scrape_samples_scraped")
        assert [float(found["value"][1]) for found in counted] == [len(page)]
        stored: Samples = server.stored('{__name__=~"snakepit_.+"}')
        for key, number in series.items():
            if key[0].endswith("_total"):
                assert stored[key[0], plain_labels(key[1])] == number, key
        return bool(server.is_up())

    wait_until(all_stored, SCRAPED_S, "the values")


def test_p09_prometheus_returns_exemplars(scraped: Scraped) -> None:
    """P09: query_exemplars has the trace of a slow request."""
    server = scraped.server("openmetrics")

    def found() -> list[Any]:
        answer: list[Any] = server.api(
            "query_exemplars",
            query=DURATION + "_bucket",
            start="1",
            end="4000000000",
        )
        return answer

    (series,) = wait_for("exemplars", found, SCRAPED_S)
    assert series["seriesLabels"]["method"] == "word_stats"
    exemplar = series["exemplars"][0]
    assert exemplar["labels"]["trace_id"].startswith("0af7651916cd43dd")
    assert float(exemplar["value"]) <= float(series["seriesLabels"]["le"])


def test_p13_prometheus_takes_native_histograms(scraped: Scraped) -> None:
    """P13: a quantile within what one bucket of schema 3 can be off."""
    server = scraped.server("protobuf")
    query = f'histogram_quantile(0.5, {DURATION}{{pool="default",method="word_stats"}})'

    def quantile() -> list[Any]:
        answer: list[Any] = server.query(query)
        return answer

    (found,) = wait_for("a quantile", quantile, SCRAPED_S)
    (series,) = (
        series
        for metric in inspect_json(scraped.segment.path)["metrics"]
        if metric["prometheus_name"] == DURATION
        for series in metric["series"]
        if series["labels"] == dict(WORD_STATS)
    )
    below = 0
    for bucket in series["buckets"]:
        below += bucket["count"]
        if below >= series["count"] / 2:
            break
    assert bucket["le_ns"] / 2**0.125 <= float(found["value"][1]) * 1e9 * (1 + 1e-6)
    assert float(found["value"][1]) * 1e9 <= bucket["le_ns"] + 1
