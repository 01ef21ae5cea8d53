// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment.cli;

import static dev.snakepit.segment.Tests.equal;

import dev.snakepit.segment.Tests.Test;
import java.math.BigDecimal;

/** Tests of the JSON that the program prints. */
public final class JsonWriterTest {

  private static String number(double value) {
    return new JsonWriter().number(value).toString();
  }

  @Test
  public void nestsWithCommasBetween() {
    JsonWriter json = new JsonWriter();
    json.object(
        () -> {
          json.key("a").array(() -> json.unsigned(-1).nil().bool(true));
          json.key("b").object(() -> {});
        });
    equal("{\"a\":[18446744073709551615,null,true],\"b\":{}}", json.toString());
  }

  @Test
  public void escapesWhatHasToBe() {
    String expected = "\"\\\"\\\\\\u0001\\n\\u007fä😀<\"";
    equal(expected, new JsonWriter().string("\"\\\u0001\n\u007fä😀<").toString());
  }

  @Test
  public void decimalsAreExact() {
    equal("1.5", new JsonWriter().decimal(new BigDecimal("1.500000000")).toString());
    equal("100", new JsonWriter().decimal(new BigDecimal("1E+2")).toString());
    equal("0", new JsonWriter().decimal(new BigDecimal("0E-9")).toString());
  }

  @Test
  public void doublesAreShort() {
    equal("0.1", number(0.1));
    equal("0.002", number(2e-3));
    equal("0.30000000000000004", number(0.1 + 0.2));
    equal("null", number(Double.NaN));
    equal(Double.MIN_VALUE, Double.parseDouble(number(Double.MIN_VALUE)));
  }
}
