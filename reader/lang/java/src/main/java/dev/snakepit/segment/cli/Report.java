// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment.cli;

import dev.snakepit.segment.Event;
import dev.snakepit.segment.EventCursor;
import dev.snakepit.segment.Histogram;
import dev.snakepit.segment.Metric;
import dev.snakepit.segment.Row;
import dev.snakepit.segment.Segment;
import dev.snakepit.segment.SegmentException;
import dev.snakepit.segment.SegmentInfo;
import dev.snakepit.segment.Series;
import dev.snakepit.segment.Snapshot;
import dev.snakepit.segment.Tier;
import dev.snakepit.segment.Verdict;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** One look at one segment, as docs/inspect.md describes it. */
final class Report {
  private static final int SCHEMA = 1;
  private static final int NS_DIGITS = 9;
  private static final BigInteger NS_PER_MS = BigInteger.valueOf(1_000_000);

  private final JsonWriter json = new JsonWriter();
  private final Snapshot snapshot;

  private Report(Snapshot snapshot) {
    this.snapshot = snapshot;
  }

  /** Returns the report on a segment as JSON. */
  static String of(Path path, Tier tier) throws IOException {
    try (Segment segment = Segment.open(path)) {
      EventCursor cursor = new EventCursor();
      // Before the snapshot, which then has the pools they name.
      List<Event> events = segment.events(cursor);
      Report report = new Report(segment.snapshot(tier));
      report.write(segment.info(), segment.verdict(), events, cursor.lost());
      return report.json.toString();
    }
  }

  /** Returns what stands in the place of a report that could not be made. */
  static String ofFailure(Throwable cause) {
    Optional<SegmentException> known =
        cause instanceof SegmentException e ? Optional.of(e) : Optional.empty();
    JsonWriter json = new JsonWriter();
    Runnable error =
        () -> {
          json.key("kind").string(known.map(e -> e.kind().toString()).orElse("failed"));
          json.key("field");
          known.ifPresentOrElse(e -> json.string(e.field()), json::nil);
          json.key("message").string(String.valueOf(cause.getMessage()));
        };
    json.object(
        () -> {
          json.key("schema").unsigned(SCHEMA);
          json.key("error").object(error);
        });
    return json.toString();
  }

  private void write(SegmentInfo info, Verdict verdict, List<Event> events, long lost) {
    json.object(
        () -> {
          json.key("schema").unsigned(SCHEMA);
          json.key("segment").object(() -> info(info));
          json.key("writer").object(() -> writer(verdict));
          json.key("stats").object(this::stats);
          list("pools", snapshot.pools(), this::pool);
          list("workers", snapshot.workers(), this::worker);
          list("tools", snapshot.tools(), this::tool);
          list("metrics", snapshot.metrics(), this::metric);
          json.key("events_lost").unsigned(lost);
          list("events", events, this::event);
        });
  }

  /** Writes an array of objects. */
  private <T> void list(String key, List<T> items, Consumer<T> body) {
    json.key(key).array(() -> items.forEach(item -> json.object(() -> body.accept(item))));
  }

  private void seconds(String key, long timeNs) {
    json.key(key).decimal(new BigDecimal(unsigned(timeNs), NS_DIGITS));
  }

  private static BigInteger unsigned(long value) {
    return new BigInteger(Long.toUnsignedString(value));
  }

  private void info(SegmentInfo info) {
    json.key("path").string(info.path().toString());
    json.key("instance").string(info.instance());
    json.key("uuid").string(info.uuid().toString());
    json.key("version").string(info.major() + "." + info.minor());
    json.key("incarnation").unsigned(info.incarnation());
    json.key("pid").unsigned(info.pid());
    json.key("size_bytes").unsigned(info.sizeBytes());
    seconds("start_time", info.startTimeNs());
    json.key("heartbeat_interval_ms").unsigned(info.heartbeatIntervalMs());
    json.key("stale_after_ms").unsigned(info.staleAfterMs());
    json.key("scrape_hint_ms").unsigned(info.scrapeHintMs());
  }

  private void writer(Verdict verdict) {
    json.key("verdict").string(verdict.toString());
    json.key("state").string(snapshot.state());
    json.key("heartbeat_age_ms").decimal(new BigDecimal(heartbeatAgeMs()));
    json.key("heartbeat_seq").unsigned(snapshot.heartbeat().seq());
    seconds("heartbeat_time", snapshot.heartbeat().realTimeNs());
    json.key("stop_reason").string(snapshot.stopReason());
  }

  /** By the wall clock: Java promises of no other that it is the writer's, too. */
  private BigInteger heartbeatAgeMs() {
    BigInteger now = BigInteger.valueOf(System.currentTimeMillis());
    BigInteger then = unsigned(snapshot.heartbeat().realTimeNs()).divide(NS_PER_MS);
    return now.subtract(then).max(BigInteger.ZERO);
  }

  private void stats() {
    Snapshot.Stats stats = snapshot.stats();
    json.key("snapshot_ns").unsigned(stats.tookNs());
    json.key("retries").unsigned(stats.retries());
    json.key("rows_skipped").unsigned(stats.rowsSkipped());
    json.key("rows_dropped").unsigned(stats.rowsDropped());
    json.key("banks_exhausted").unsigned(stats.banksExhausted());
    json.key("text_truncated").unsigned(stats.textTruncated());
  }

  // ---- rows ----

  private void row(Row row) {
    Row.Life life = row.life();
    json.key("row").unsigned(life.index());
    json.key("uid").unsigned(life.uid());
    json.key("retired").bool(life.retired());
    json.key("retire_reason").string(life.retireReason());
    seconds("born_time", life.bornTimeNs());
    seconds("retired_time", life.retiredTimeNs());
  }

  private void pool(Row.Pool pool) {
    row(pool);
    json.key("name").string(pool.name());
    json.key("adapter").string(pool.adapter());
  }

  private void worker(Row.Worker worker) {
    row(worker);
    Row.Process process = worker.process();
    json.key("pool").string(worker.pool().name());
    json.key("slot").unsigned(worker.slot());
    json.key("status").string(worker.status());
    json.key("worker_id").string(worker.id());
    json.key("incarnation").unsigned(process.incarnation());
    json.key("pid").unsigned(process.pid());
    json.key("python").string(process.python());
    seconds("start_time", process.startTimeNs());
    seconds("ready_time", process.readyTimeNs());
    json.key("last_exit_reason").string(process.lastExitReason());
    json.key("last_exit_status").unsigned(process.lastExitStatus());
    json.key("last_error").string(worker.lastError());
  }

  private void tool(Row.Tool tool) {
    row(tool);
    json.key("pool").string(tool.pool().name());
    json.key("name").string(tool.name());
  }

  // ---- metrics and events ----

  private void metric(Metric metric) {
    json.key("name").string(metric.name());
    json.key("prometheus_name").string(metric.prometheusName());
    json.key("kind").string(metric.kind().toString());
    json.key("unit").string(metric.unit());
    json.key("level").string(metric.level().toString());
    json.key("help").string(metric.help());
    list("series", snapshot.series(metric), this::series);
  }

  private void series(Series series) {
    Runnable labels = () -> series.labels().forEach((key, text) -> json.key(key).string(text));
    json.key("labels").object(labels);
    series.histogram().ifPresentOrElse(this::histogram, () -> scalar(series));
  }

  private void scalar(Series series) {
    json.key("value");
    series.decimal().ifPresentOrElse(json::decimal, () -> json.number(series.value()));
    series.state().ifPresent(name -> json.key("state").string(name));
  }

  private void histogram(Histogram histogram) {
    json.key("count").unsigned(histogram.count());
    json.key("sum_ns").unsigned(histogram.sumNs());
    list("buckets", histogram.buckets(), this::bucket);
    Runnable quantiles =
        () -> {
          json.key("p50").unsigned(histogram.quantileNs(0.5));
          json.key("p90").unsigned(histogram.quantileNs(0.9));
          json.key("p99").unsigned(histogram.quantileNs(0.99));
        };
    json.key("quantiles").object(quantiles);
  }

  private void bucket(Histogram.Bucket bucket) {
    json.key("le_ns");
    bucket.upperNs().ifPresentOrElse(json::unsigned, json::nil);
    json.key("count").unsigned(bucket.count());
  }

  private void event(Event event) {
    seconds("time", snapshot.heartbeat().timeNs(event.monoNs()));
    json.key("mono_ns").unsigned(event.monoNs());
    json.key("ring").unsigned(event.ring());
    json.key("seq").unsigned(event.seq());
    json.key("kind").string(event.kind());
    json.key("initiator").string(event.initiator());
    json.key("from").string(event.from());
    json.key("to").string(event.to());
    json.key("reason").string(event.reason());
    json.key("pool").string(snapshot.poolOf(event).map(Row.Pool::name).orElse(""));
    json.key("slot").unsigned(event.slot());
    json.key("incarnation").unsigned(event.incarnation());
    json.key("pid").unsigned(event.pid());
    json.key("values").array(() -> json.unsigned(event.value()).unsigned(event.secondValue()));
    json.key("pool_uid").unsigned(event.poolUid());
    json.key("trace_id").string(event.traceId());
    json.key("evidence").unsigned(event.evidence());
  }
}
