// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.util.zip.CRC32C;

/** The checksum of the format. */
final class Crc {
  private Crc() {}

  static long of(byte[] data, int off, int length) {
    CRC32C crc = new CRC32C();
    crc.update(data, off, length);
    return crc.getValue();
  }
}
