// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads and checks the schema, in the order in which every reader checks it.
 *
 * <p>What this reader does not know is left out; what points outside its place is damage. Nothing
 * is read before it is known to be needed, so memory follows what descriptors refer to.
 */
final class SchemaReader {
  /** Of descriptors, enumerations, values, buckets, bounds, and bytes of a text. */
  static final int MOST = 1024;

  private static final int KEYS_MAX = 32;
  private static final int KEY_BYTES = 16;
  private static final int KEY_SOURCES = 7;
  private static final int INDEX_WORD = 2;
  private static final int TABLE_HEAD_WORDS = 3;
  private static final int RECORD_BYTES = 128;

  private final SegmentFile file;
  private final Directory directory;
  private final Map<Integer, String> texts = new HashMap<>(Map.of(0, ""));
  private final Map<Long, EnumTable> tables = new HashMap<>();
  private final List<Metric.Key> keys = new ArrayList<>();
  private Region strings;
  private long stringsUsed;

  private SchemaReader(SegmentFile file, Directory directory) {
    this.file = file;
    this.directory = directory;
  }

  /** What was read does not hold; never leaves this class. */
  private static final class BadException extends Exception {
    private static final long serialVersionUID = 1;
  }

  static Schema read(SegmentFile file, Directory directory) throws IOException {
    // First, because all that the descriptors refer to is complete by then.
    long described = file.word(Header.DESC_USED);
    SchemaReader reader = new SchemaReader(file, directory);
    reader.readStrings();
    List<EnumTable> enums = reader.readEnums();
    reader.readKeys();
    return new Schema(reader.readMetrics(described), enums, described);
  }

  // ---- strings ----

  private void readStrings() throws IOException {
    strings = directory.get(Region.STRT);
    stringsUsed = file.word(Header.STRT_USED);
    if (Long.compareUnsigned(stringsUsed, strings.len()) > 0) {
      throw file.damaged("strings");
    }
  }

  private String text(int ref) throws IOException, BadException {
    String text = texts.get(ref);
    if (text == null) {
      text = readText(Integer.toUnsignedLong(ref) * 8);
      texts.put(ref, text);
    }
    return text;
  }

  private String readText(long at) throws IOException, BadException {
    check(Region.isInside(at, Integer.BYTES + 1, stringsUsed));
    long start = at + Integer.BYTES;
    long length = Integer.toUnsignedLong(file.read(strings.off() + at, Integer.BYTES).getInt());
    check(length < stringsUsed - start && length <= MOST);
    byte[] data = file.read(strings.off() + start, (int) length + 1).array();
    int end = 0;
    while (data[end] != 0 && end < length) {
      end++;
    }
    check(end == length && data[end] == 0);
    return Text.decode(data, 0, end).orElseThrow(BadException::new);
  }

  private static void check(boolean good) throws BadException {
    if (!good) {
      throw new BadException();
    }
  }

  // ---- enumerations and keys ----

  private List<EnumTable> readEnums() throws IOException {
    Region region = directory.get(Region.ENUM);
    List<EnumTable> enums = new ArrayList<>();
    if (region.count() < INDEX_WORD) {
      return enums;
    }
    long count = words(region, 1, 1)[0];
    if (count > Math.min(region.count() - INDEX_WORD, MOST)) {
      throw file.damaged("enums");
    }
    for (long at : words(region, INDEX_WORD, (int) count)) {
      try {
        tables.put(at, readTable(region, at));
      } catch (BadException e) {
        throw file.damaged("enums");
      }
      enums.add(tables.get(at));
    }
    return enums;
  }

  private EnumTable readTable(Region region, long at) throws IOException, BadException {
    check(Region.isInside(at, TABLE_HEAD_WORDS, region.count()));
    long[] head = words(region, at, TABLE_HEAD_WORDS);
    check(head[2] >= 1 && head[2] <= MOST);
    check(Region.isInside(at, TABLE_HEAD_WORDS + head[2], region.count()));
    List<String> values = new ArrayList<>();
    for (long ref : words(region, at + TABLE_HEAD_WORDS, (int) head[2])) {
      values.add(text((int) ref));
    }
    return new EnumTable(text((int) head[0]), text((int) head[1]), values);
  }

  private long[] words(Region region, long first, int count) throws IOException {
    ByteBuffer data = file.read(region.entry(first), count * Integer.BYTES);
    long[] words = new long[count];
    for (int i = 0; i < count; i++) {
      words[i] = Integer.toUnsignedLong(data.getInt());
    }
    return words;
  }

  private void readKeys() throws IOException {
    Region region = directory.get(Region.KEYS);
    for (int i = 0; i < Math.min(region.count(), KEYS_MAX); i++) {
      ByteBuffer entry = file.read(region.entry(i), KEY_BYTES);
      try {
        keys.add(new Metric.Key(entry.getInt(0), text(entry.getInt(4))));
        text(entry.getInt(8)); // the OpenTelemetry name, which has to be good as well
      } catch (BadException e) {
        throw file.damaged("keys");
      }
    }
  }

  // ---- metrics ----

  private List<Metric> readMetrics(long used) throws IOException {
    Region region = directory.get(Region.DESC);
    if (Long.compareUnsigned(used, Math.min(region.count(), MOST)) > 0) {
      throw file.damaged("descriptors");
    }
    List<Metric> metrics = new ArrayList<>();
    for (long i = 0; i < used; i++) {
      Descriptor descriptor = Descriptor.parse(file.read(region.entry(i), Descriptor.BYTES));
      if (descriptor.isKnown()) {
        metrics.add(metric(descriptor));
      }
    }
    return metrics;
  }

  private Metric metric(Descriptor desc) throws IOException {
    EnumTable table = tables.get(desc.enumOff());
    Metric.Texts names;
    try {
      check(isGood(desc, desc.enumOff() == 0 ? null : table));
      names =
          new Metric.Texts(
              text(desc.name()),
              text(desc.prometheusName()),
              text(desc.unit()),
              text(desc.help()));
    } catch (BadException e) {
      throw file.damaged("descriptors");
    }
    if (desc.boundsCount() > MOST) {
      throw file.damaged("bounds");
    }
    long[] bounds = bounds(desc.boundsOff(), desc.boundsCount());
    long[] upper = bounds(desc.upperOff(), desc.isHistogram() ? desc.nbuckets() + 1 : 0);
    if (desc.isHistogram() && Long.compareUnsigned(desc.zeroThresholdNs(), upper[1]) > 0) {
      throw file.damaged("bounds");
    }
    return new Metric(
        desc, names, desc.enumOff() == 0 ? null : table, bounds, upper, keysOf(desc));
  }

  private boolean isGood(Descriptor desc, EnumTable table) {
    boolean isState = desc.kind() == Descriptor.KIND_STATE;
    if (table == null && (desc.enumOff() != 0 || isState)) {
      return false;
    }
    int cells = table == null || isState ? 1 : table.values().size();
    return desc.count() == cells && desc.isWithinLimits() && isPlaced(desc);
  }

  /** Whether all its cells are in the place that its storage names. */
  private boolean isPlaced(Descriptor desc) {
    int kind = desc.rowKind();
    Region cells = directory.get(Region.ROWC, kind);
    return switch (desc.storage()) {
      case Descriptor.STORAGE_BANK -> {
        Region bank = directory.get(Region.BANK, kind);
        yield bank.exists() && desc.cellsFit(0, bank.stride());
      }
      case Descriptor.STORAGE_ROW ->
          cells.exists() && desc.cellsFit(Region.LATCH_BYTES, cells.stride());
      case Descriptor.STORAGE_LATCH -> cells.exists() && desc.cellsFit(0, RECORD_BYTES);
      case Descriptor.STORAGE_LEDGER ->
          directory.get(Region.LEDG, kind).exists() && desc.cellsFit(0, RECORD_BYTES);
      case Descriptor.STORAGE_HEADER ->
          desc.cellsFit(0, Header.IMMUTABLE_BYTES)
              || desc.cellsFit(Header.METERS, Header.METERS + Header.METERS_BYTES);
      case Descriptor.STORAGE_DERIVED -> {
        Region workers = directory.get(Region.ROWC, RowKind.WORKER);
        yield workers.exists() && desc.operandsFit(Region.LATCH_BYTES, workers.stride());
      }
      default -> true;
    };
  }

  private long[] bounds(long first, long count) throws IOException {
    Region region = directory.get(Region.BNDS);
    if (count == 0) {
      return new long[0];
    }
    if (!Region.isInside(first, count, region.count())) {
      throw file.damaged("bounds");
    }
    long[] bounds = new long[(int) count];
    file.read(region.entry(first), (int) count * Long.BYTES).asLongBuffer().get(bounds);
    for (int i = 1; i < bounds.length; i++) {
      if (Long.compareUnsigned(bounds[i], bounds[i - 1]) <= 0) {
        throw file.damaged("bounds");
      }
    }
    return bounds;
  }

  private List<Metric.Key> keysOf(Descriptor desc) {
    List<Metric.Key> labels = new ArrayList<>();
    for (int i = 0; i < keys.size(); i++) {
      int source = keys.get(i).source();
      if ((desc.rowKeys() >>> i & 1) != 0 && source >= 0 && source < KEY_SOURCES) {
        labels.add(keys.get(i));
      }
    }
    return labels;
  }
}
