// SPDX-License-Identifier: Apache-2.0

package dev.snakepit.segment.cli;

import dev.snakepit.segment.SegmentException;
import dev.snakepit.segment.Tier;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Prints segments as {@code snakepit-inspect --json --events} does, a line each.
 *
 * <p>Exit codes: 0 ok, 1 failure, 2 wrong usage, 3 no such file or not ready yet, 4 damaged or of
 * another version; of several paths that of the last one that failed.
 */
public final class SegmentJson {
  private static final int FAILED = 1;
  private static final int USAGE = 2;
  private static final int NOT_THERE = 3;
  private static final int UNREADABLE = 4;

  private static final Map<String, Tier> TIERS = Map.of("snap", Tier.SNAP, "live", Tier.LIVE);

  private SegmentJson() {}

  /** Runs the program. */
  public static void main(String[] arguments) {
    List<String> words = Arrays.asList(arguments);
    Tier tier = Tier.SNAP;
    if (words.size() >= 2 && words.get(0).equals("--tier") && TIERS.containsKey(words.get(1))) {
      tier = TIERS.get(words.get(1));
      words = words.subList(2, words.size());
    }
    if (words.isEmpty() || words.get(0).startsWith("--")) {
      System.err.println("usage: segment-json [--tier snap|live] PATH...");
      System.exit(USAGE);
    }
    System.exit(run(words, tier));
  }

  private static int run(List<String> paths, Tier tier) {
    FileOutputStream stdout = new FileOutputStream(FileDescriptor.out);
    PrintStream out = new PrintStream(stdout, false, StandardCharsets.UTF_8);
    int status = 0;
    for (String path : paths) {
      try {
        out.println(Report.of(Path.of(path), tier));
      } catch (IOException | InvalidPathException | OutOfMemoryError e) {
        System.err.println("segment-json: " + e.getMessage());
        out.println(Report.ofFailure(e));
        status = statusOf(e);
      }
    }
    out.flush();
    if (out.checkError()) {
      System.err.println("segment-json: cannot write");
      return FAILED;
    }
    return status;
  }

  private static int statusOf(Throwable cause) {
    if (!(cause instanceof SegmentException e)) {
      return FAILED;
    }
    return switch (e.kind()) {
      case MISSING, NOT_READY -> NOT_THERE;
      case DAMAGED, VERSION -> UNREADABLE;
      case DENIED -> FAILED;
    };
  }
}
