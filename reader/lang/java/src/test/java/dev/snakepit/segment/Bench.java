// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.zip.GZIPInputStream;

/** A golden segment as a file of its own, for tests to change. */
final class Bench implements Closeable {
  private static final Path GOLDEN = Path.of(System.getProperty("golden"));

  final Path path;
  final ByteBuffer data;
  private final Path directory;

  private Bench(byte[] bytes) throws IOException {
    directory = Files.createTempDirectory("segment");
    path = directory.resolve("test.seg");
    data = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    write();
  }

  static Bench golden(String name) throws IOException {
    Path packed = GOLDEN.resolve(name + ".seg.gz");
    try (InputStream in = new GZIPInputStream(Files.newInputStream(packed))) {
      return new Bench(in.readAllBytes());
    }
  }

  /** Writes the bytes as they are now over the file. */
  Bench write() throws IOException {
    Files.write(path, data.array());
    Files.setPosixFilePermissions(
        path, PosixFilePermissions.fromString("rw-r-----"));
    return this;
  }

  Bench put(int offset, long word) {
    data.putLong(offset, word);
    return this;
  }

  Bench sealHeader() {
    data.putInt(0xF0, (int) Crc.of(data.array(), 0, 0xF0));
    return this;
  }

  @Override
  public void close() throws IOException {
    Files.deleteIfExists(path);
    Files.delete(directory);
  }
}
