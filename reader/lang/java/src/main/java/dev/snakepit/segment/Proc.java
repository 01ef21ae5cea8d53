// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** What Linux says in /proc and Java has no call for. */
final class Proc {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");
  private static final Path LOCKS = Path.of("/proc/locks");
  private static final int LOCK_TYPE = 1;
  private static final int LOCK_PLACE = 5;

  private Proc() {}

  /** Returns the effective user of this process. */
  static int effectiveUser() throws IOException {
    for (String line : Files.readAllLines(STATUS)) {
      if (line.startsWith("Uid:")) {
        return Integer.parseUnsignedInt(line.split("\\s+")[2]);
      }
    }
    throw new IOException(STATUS + " names no user");
  }

  /** Returns the kernel's number of this boot, empty where it does not say. */
  static Optional<UUID> bootId() {
    try {
      return Optional.of(UUID.fromString(Files.readString(BOOT_ID).strip()));
    } catch (IOException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /**
   * Whether anybody holds an open file description lock on the file, or nobody can say.
   *
   * <p>F_OFD_GETLK would be the question to ask; Java can only take locks, and a reader must not.
   */
  static boolean isLocked(SegmentFile.Status status) {
    List<String> lines;
    try {
      lines = Files.readAllLines(LOCKS);
    } catch (IOException e) {
      return true;
    }
    String place = placeOf(status);
    return lines.stream().anyMatch(line -> isLockOn(line, place));
  }

  /** Whether a line such as "1: OFDLCK ADVISORY WRITE -1 00:1b:76893 0 EOF" is of the place. */
  static boolean isLockOn(String line, String place) {
    String[] words = line.strip().split("\\s+");
    return words.length > LOCK_PLACE
        && words[LOCK_TYPE].equals("OFDLCK")
        && words[LOCK_PLACE].equals(place);
  }

  /** Returns device and inode as /proc/locks writes them. */
  static String placeOf(SegmentFile.Status status) {
    long device = status.device();
    long major = (device >>> 8 & 0xFFF) | (device >>> 32 & ~0xFFFL);
    long minor = (device & 0xFF) | (device >>> 12 & ~0xFFL);
    String inode = Long.toUnsignedString(status.inode());
    return String.format("%02x:%02x:%s", major, minor & 0xFFFFFFFFL, inode);
  }
}
