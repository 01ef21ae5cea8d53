// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Text of a segment, which is used only where it is UTF-8. */
final class Text {
  private Text() {}

  /** Returns the text; empty where it is not UTF-8. */
  static Optional<String> decode(byte[] data, int off, int length) {
    try {
      ByteBuffer bytes = ByteBuffer.wrap(data, off, length);
      // A new decoder reports what a String's constructor would replace.
      return Optional.of(StandardCharsets.UTF_8.newDecoder().decode(bytes).toString());
    } catch (CharacterCodingException e) {
      return Optional.empty();
    }
  }

  /** Returns the text up to the first NUL or the end; empty where it is not UTF-8. */
  static Optional<String> beforeNul(byte[] data, int off, int length) {
    int end = off;
    while (end < off + length && data[end] != 0) {
      end++;
    }
    return decode(data, off, end - off);
  }

  /** Returns the text in some words, "" where it is not UTF-8. */
  static String ofWords(long[] words, int first, int count) {
    ByteBuffer bytes = ByteBuffer.allocate(count * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asLongBuffer().put(words, first, count);
    return beforeNul(bytes.array(), 0, bytes.capacity()).orElse("");
  }

  /** As {@link #ofWords}; "" also where no NUL ends it. */
  static String ofTerminated(long[] words, int first, int count) {
    String text = ofWords(words, first, count);
    int bytes = count * Long.BYTES;
    return text.getBytes(StandardCharsets.UTF_8).length < bytes ? text : "";
  }
}
