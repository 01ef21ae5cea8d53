// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import static dev.snakepit.segment.SegmentException.Kind.DAMAGED;
import static dev.snakepit.segment.SegmentException.Kind.DENIED;
import static dev.snakepit.segment.SegmentException.Kind.MISSING;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;

/** A file that may be a segment, open for reading. Offsets are checked by the callers. */
final class SegmentFile implements Closeable {
  static final long MAX_BYTES = 1L << 32;
  private static final int HEADER_BYTES = 4096;
  private static final int TYPE_MASK = 0170000;
  private static final int REGULAR = 0100000;
  private static final int WRITABLE_BY_ALL = 02;
  private static final int OPEN_TRIES = 4;

  /** What the file system says of a file; device and inode are its identity. */
  record Status(long device, long inode, int mode, int owner) {
    static Status of(Path path, LinkOption... options) throws IOException {
      Map<String, Object> all = Files.readAttributes(path, "unix:dev,ino,mode,uid", options);
      return new Status(
          (Long) all.get("dev"),
          (Long) all.get("ino"),
          (Integer) all.get("mode"),
          (Integer) all.get("uid"));
    }

    boolean isSameFileAs(Status other) {
      return device == other.device && inode == other.inode;
    }
  }

  final Path path;
  final FileChannel channel;
  final Status status;

  /** Bytes that the file had when it was opened; it never changes. */
  final long size;

  private SegmentFile(Path path, FileChannel channel, Status status) throws IOException {
    this.path = path;
    this.channel = channel;
    this.status = status;
    this.size = channel.size();
  }

  /** Opens the file, but no link, nothing that blocks and nothing that others write. */
  static SegmentFile open(Path path) throws IOException {
    try {
      for (int i = 0; i < OPEN_TRIES; i++) {
        // Looked at first: Java cannot open a FIFO without waiting for its writer.
        Status before = Status.of(path, LinkOption.NOFOLLOW_LINKS);
        checkType(path, before);
        FileChannel channel =
            FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
        SegmentFile file = checked(path, channel, before);
        if (file != null) {
          return file;
        }
      }
    } catch (FileSystemException e) {
      throw refusal(path, e);
    }
    throw new IOException(path + " is replaced again and again");
  }

  private static void checkType(Path path, Status status) throws SegmentException {
    if ((status.mode & TYPE_MASK) != REGULAR) {
      throw new SegmentException(DENIED, "path", path, "is not a regular file, or a symbolic link");
    }
  }

  /** Returns null where another file has taken the place of the one that was looked at. */
  private static SegmentFile checked(Path path, FileChannel channel, Status before)
      throws IOException {
    boolean good = false;
    try {
      if (!Status.of(path, LinkOption.NOFOLLOW_LINKS).isSameFileAs(before)) {
        return null;
      }
      SegmentFile file = new SegmentFile(path, channel, before);
      file.check();
      good = true;
      return file;
    } finally {
      if (!good) {
        channel.close();
      }
    }
  }

  private void check() throws IOException {
    if ((status.mode & WRITABLE_BY_ALL) != 0) {
      throw new SegmentException(DENIED, "mode", path, "is writable by everybody");
    }
    int user = Proc.effectiveUser();
    if (user != 0 && status.owner != 0 && status.owner != user) {
      throw new SegmentException(DENIED, "owner", path, "belongs to somebody else");
    }
    if (size < HEADER_BYTES || size > MAX_BYTES) {
      throw damaged("file", "is not a segment: it has " + size + " bytes");
    }
  }

  private static IOException refusal(Path path, FileSystemException e) {
    if (e instanceof NoSuchFileException || isBelowFile(path)) {
      return new SegmentException(MISSING, "path", path, "does not exist");
    }
    if (e instanceof AccessDeniedException) {
      return new SegmentException(DENIED, "path", path, "cannot be read: permission denied");
    }
    return e;
  }

  /** Whether the path has a file where a directory should be; Java has no name for that error. */
  private static boolean isBelowFile(Path path) {
    Path parent = path.toAbsolutePath().getParent();
    while (parent != null && !Files.exists(parent)) {
      parent = parent.getParent();
    }
    return parent != null && !Files.isDirectory(parent);
  }

  SegmentException damaged(String field) {
    return damaged(field, "is damaged (" + field + ")");
  }

  SegmentException damaged(String field, String text) {
    return new SegmentException(DAMAGED, field, path, text);
  }

  /** Whether the file has lost bytes that it had when it was opened. */
  boolean isTruncated() throws IOException {
    return channel.size() < size;
  }

  /** Fills what remains of the buffer. */
  void read(long offset, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      int count = channel.read(buffer, offset);
      if (count <= 0) {
        throw damaged("file", "became shorter while it was read");
      }
      offset += count;
    }
  }

  /** Returns a copy of some bytes, in the byte order of the format. */
  ByteBuffer read(long offset, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    read(offset, buffer);
    return buffer.flip();
  }

  /** Returns a word of 64 bits. */
  long word(long offset) throws IOException {
    return read(offset, Long.BYTES).getLong();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
