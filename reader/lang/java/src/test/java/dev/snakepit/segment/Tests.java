// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Objects;

/** A test runner of one page, so that nothing has to be fetched: {@code Tests CLASS...}. */
public final class Tests {
  private Tests() {}

  /** A method that fails by throwing. */
  @Retention(RetentionPolicy.RUNTIME)
  @Target(ElementType.METHOD)
  public @interface Test {}

  /** What may throw anything. */
  public interface Body {
    /** Does it. */
    void run() throws Exception;
  }

  /** Runs all tests of the classes named in the arguments; exits with 1 if any fails. */
  public static void main(String[] classes) throws ReflectiveOperationException {
    int failed = 0;
    int passed = 0;
    for (String name : classes) {
      for (Method test : testsOf(Class.forName(name))) {
        boolean good = passes(test);
        passed += good ? 1 : 0;
        failed += good ? 0 : 1;
      }
    }
    System.out.printf("%d passed, %d failed%n", passed, failed);
    System.exit(failed == 0 && passed > 0 ? 0 : 1);
  }

  private static Method[] testsOf(Class<?> type) {
    return Arrays.stream(type.getDeclaredMethods())
        .filter(method -> method.isAnnotationPresent(Test.class))
        .sorted(Comparator.comparing(Method::getName))
        .toArray(Method[]::new);
  }

  private static boolean passes(Method test) throws ReflectiveOperationException {
    String name = test.getDeclaringClass().getSimpleName() + "." + test.getName();
    Object instance = test.getDeclaringClass().getConstructor().newInstance();
    try {
      test.invoke(instance);
      System.out.println("ok " + name);
      return true;
    } catch (InvocationTargetException e) {
      System.out.println("not ok " + name);
      e.getCause().printStackTrace(System.out);
      return false;
    }
  }

  /** Fails unless the two are equal. */
  public static void equal(Object expected, Object actual) {
    if (!Objects.equals(expected, actual)) {
      throw new AssertionError("expected " + expected + ", got " + actual);
    }
  }

  /** Fails unless it holds. */
  public static void check(boolean holds, String text) {
    if (!holds) {
      throw new AssertionError(text);
    }
  }

  /** Fails unless the body throws the exception of that kind and field. */
  public static void refused(SegmentException.Kind kind, String field, Body body)
      throws Exception {
    try {
      body.run();
    } catch (SegmentException e) {
      equal(kind + " " + field, e.kind() + " " + e.field());
      return;
    }
    throw new AssertionError("nothing was thrown, not " + kind + " " + field);
  }
}
