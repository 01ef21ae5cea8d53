// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;

/** A segment that cannot be read, and why. */
public final class SegmentException extends IOException {
  private static final long serialVersionUID = 1;

  /** What can become of an attempt besides success. */
  public enum Kind {
    /** There is no such file. */
    MISSING,
    /** The file may not be read, or could have been written by anybody. */
    DENIED,
    /** The file breaks the format; it will not become better. */
    DAMAGED,
    /** Another version of the format wrote the file. */
    VERSION,
    /** The writer has not come that far yet: try again soon. */
    NOT_READY;

    /** Returns the name that every reader of segments uses. */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final Kind kind;
  private final String field;

  SegmentException(Kind kind, String field, Path path, String text) {
    super(path + " " + text);
    this.kind = kind;
    this.field = field;
  }

  /** Returns what has become of the attempt. */
  public Kind kind() {
    return kind;
  }

  /** Returns what is wrong, in the words of section 7 of the format. */
  public String field() {
    return field;
  }
}
