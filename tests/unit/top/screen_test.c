/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What screen.c writes, read by a terminal emulator (libvterm): after any grid A and
 * then any grid B the terminal shows B, text and attributes, and only what differs was
 * sent. stdin is a pseudo terminal, stdout a file in memory that is read back.
 */
#include "snp_test.h"

#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include <vterm.h>

#include "random.h"
#include "screen.h"

#define ROUNDS 40 /* grids for each size */

struct terminal {
	int rows, cols;
	int stdin_fd, stdout_fd; /* what they were */
	int master, out;
	off_t seen; /* bytes of `out` that the emulator has */
	struct screen *screen;
	VTerm *vterm;
	VTermScreen *cells;
	bool colors;
	uint64_t random;
};

static void terminal_open(struct terminal *t, int rows, int cols)
{
	struct screen_options options = {.colors = t->colors};
	struct snp_err err = {0};
	char text[16];
	int slave;

	t->rows = rows;
	t->cols = cols;
	/* Not a terminal, so curses takes the size from the environment. */
	(void)snprintf(text, sizeof(text), "%d", rows);
	assert_int_equal(0, setenv("LINES", text, 1));
	(void)snprintf(text, sizeof(text), "%d", cols);
	assert_int_equal(0, setenv("COLUMNS", text, 1));
	assert_int_equal(0, setenv("TERM", "xterm-256color", 1));
	t->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(t->master >= 0);
	assert_int_equal(0, grantpt(t->master));
	assert_int_equal(0, unlockpt(t->master));
	slave = open(ptsname(t->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	t->out = memfd_create("screen", MFD_CLOEXEC);
	assert_true(slave >= 0 && t->out >= 0);
	(void)fflush(stdout);
	t->stdin_fd = dup(STDIN_FILENO);
	t->stdout_fd = dup(STDOUT_FILENO);
	assert_true(dup2(slave, STDIN_FILENO) >= 0);
	assert_true(dup2(t->out, STDOUT_FILENO) >= 0);
	(void)close(slave);
	if (screen_open(&options, &t->screen, &err) < 0)
		fail_msg("%s", err.msg);
	t->vterm = vterm_new(rows, cols);
	assert_non_null(t->vterm);
	vterm_set_utf8(t->vterm, 1);
	t->cells = vterm_obtain_screen(t->vterm);
	vterm_screen_enable_altscreen(t->cells, 1);
	vterm_screen_reset(t->cells, 1);
	t->seen = 0;
}

static void terminal_close(struct terminal *t)
{
	screen_close(&t->screen);
	(void)fflush(stdout);
	assert_true(dup2(t->stdin_fd, STDIN_FILENO) >= 0);
	assert_true(dup2(t->stdout_fd, STDOUT_FILENO) >= 0);
	(void)close(t->stdin_fd);
	(void)close(t->stdout_fd);
	(void)close(t->master);
	(void)close(t->out);
	vterm_free(t->vterm);
}

/* Draw, let the emulator read it; returns the bytes it took. */
static size_t terminal_draw(struct terminal *t, const struct top_grid *grid)
{
	char bytes[4096];
	size_t sum = 0;
	ssize_t n;

	screen_draw(t->screen, grid);
	while ((n = pread(t->out, bytes, sizeof(bytes), t->seen)) > 0) {
		(void)vterm_input_write(t->vterm, bytes, (size_t)n);
		t->seen += n;
		sum += (size_t)n;
	}
	assert_int_equal(0, n);
	return sum;
}

/* ---- random grids -------------------------------------------------------- */

static unsigned below(struct terminal *t, unsigned nr)
{
	return random_below(&t->random, nr);
}

static void scribble(struct terminal *t, struct top_grid *grid, unsigned times)
{
	static const char *const words[] = {"a",
					    "word",
					    "0123456789",
					    "\xe6\xa8\xa1\xe5\x9e\x8b",
					    "\xc3\xa9t\xc3\xa9",
					    " ",
					    "    ",
					    "\xe2\x94\x80\xe2\x94\x82",
					    "\xe2\xa3\xbf\xe2\xa1\x80",
					    "#"};

	while (times-- > 0) {
		int row = (int)below(t, (unsigned)grid->rows);
		int col = (int)below(t, (unsigned)grid->cols);
		enum top_style style = (enum top_style)below(t, TOP_STYLE_NR);

		switch (below(t, 6)) {
		case 0:
			top_grid_flag_row(grid, row,
					  below(t, 2) ? TOP_CELL_SELECTED
						      : TOP_CELL_FROZEN);
			break;
		case 1:
			top_grid_fill(grid, row, col, (int)below(t, 30), style,
				      below(t, 2) ? ' ' : '=');
			break;
		default:
			(void)top_grid_put(grid, row, col, 40, style,
					   words[below(t, 10)]);
			break;
		}
	}
}

/* ---- comparing ----------------------------------------------------------- */

static bool same_color(const VTermColor *shown, int want, bool background)
{
	if (want < 0)
		return background ? VTERM_COLOR_IS_DEFAULT_BG(shown)
				  : VTERM_COLOR_IS_DEFAULT_FG(shown);
	return VTERM_COLOR_IS_INDEXED(shown) && shown->indexed.idx == want;
}

/* This emulator knows no dim text, so that is not compared. */
static bool same_look(const VTermScreenCell *shown, const struct top_cell *want,
		      enum top_theme theme)
{
	struct top_look look = top_theme_look(theme, (enum top_style)want->style);
	bool reverse = look.attrs & TOP_ATTR_REVERSE || want->flags & TOP_CELL_SELECTED;

	if (shown->attrs.reverse != reverse || !same_color(&shown->bg, look.bg, true))
		return false;
	/* Nobody sees the colour of a blank that is not reversed. */
	if (want->ch == ' ' && !reverse)
		return true;
	return shown->attrs.bold == ((look.attrs & TOP_ATTR_BOLD) != 0) &&
	       same_color(&shown->fg, look.fg, false);
}

static bool same_cell(const VTermScreenCell *shown, const struct top_cell *want,
		      enum top_theme theme)
{
	uint32_t ch = shown->chars[0] ? shown->chars[0] : ' ';

	if (want->width == 0) /* the second half of what was compared before */
		return true;
	return ch == want->ch && (unsigned)shown->width == want->width &&
	       same_look(shown, want, theme);
}

/* The first cell that differs; rows * cols: none does. */
static int difference(const struct terminal *t, const struct top_grid *grid,
		      enum top_theme theme)
{
	for (int i = 0; i < t->rows * t->cols; i++) {
		VTermPos pos = {.row = i / t->cols, .col = i % t->cols};
		VTermScreenCell shown;

		if (vterm_screen_get_cell(t->cells, pos, &shown) != 1 ||
		    !same_cell(&shown, top_grid_cell(grid, pos.row, pos.col), theme))
			return i;
	}
	return t->rows * t->cols;
}

/* ---- cases --------------------------------------------------------------- */

struct finding {
	int size, round, at; /* `at` < 0: none */
	size_t again;	     /* bytes for a grid that is shown already */
};

static void draw_many(struct terminal *t, struct finding *finding)
{
	enum top_theme theme = t->colors ? TOP_THEME_DEFAULT : TOP_THEME_MONO;
	struct top_grid grid = {0};

	for (int round = 0; round < ROUNDS; round++) {
		int at;

		if (below(t, 3) == 0 && t->colors) {
			theme = (enum top_theme)below(t, TOP_THEME_NR);
			screen_theme(t->screen, theme);
		}
		/* Something new, or the last one with changes. */
		if (round == 0 || below(t, 3) == 0)
			(void)top_grid_reset(&grid, t->rows, t->cols);
		scribble(t, &grid, 1 + below(t, (unsigned)t->rows * 3));
		(void)terminal_draw(t, &grid);
		at = difference(t, &grid, theme);
		finding->again += terminal_draw(t, &grid);
		if (at < t->rows * t->cols && finding->at < 0) {
			finding->round = round;
			finding->at = at;
		}
	}
	top_grid_fini(&grid);
}

static const struct {
	int rows, cols;
} sizes[] = {{24, 80}, {5, 20}, {1, 1}, {2, 3}, {45, 160}, {100, 400}};
#define SIZES ((int)(sizeof(sizes) / sizeof(*sizes)))

static void check_sizes(bool colors)
{
	struct finding finding = {.at = -1};
	struct terminal t = {.colors = colors, .random = 88172645463325252u};

	for (int i = 0; i < SIZES && finding.at < 0; i++) {
		finding.size = i;
		terminal_open(&t, sizes[i].rows, sizes[i].cols);
		draw_many(&t, &finding);
		terminal_close(&t);
	}
	if (finding.at >= 0)
		fail_msg("%dx%d, grid %d: cell %d differs", sizes[finding.size].cols,
			 sizes[finding.size].rows, finding.round, finding.at);
	assert_int_equal(0, finding.again);
}

static void any_grid_after_any_other_is_what_is_shown(void **state)
{
	(void)state;
	check_sizes(true);
}

static void without_colors_none_is_sent(void **state)
{
	(void)state;
	check_sizes(false);
}

static void only_what_changed_is_sent(void **state)
{
	struct terminal t = {.colors = true, .random = 1};
	struct top_grid grid = {0};
	size_t whole, cell, row;

	(void)state;
	terminal_open(&t, 24, 80);
	(void)top_grid_reset(&grid, 24, 80);
	for (int i = 0; i < 24; i++)
		(void)top_grid_put(&grid, i, 0, 80, TOP_NORMAL,
				   "0123456789 0123456789 0123456789 0123456789");
	whole = terminal_draw(&t, &grid);
	(void)top_grid_put(&grid, 12, 40, 1, TOP_NORMAL, "x");
	cell = terminal_draw(&t, &grid);
	(void)top_grid_put(&grid, 7, 0, 80, TOP_GOOD,
			   "another line, in another colour");
	row = terminal_draw(&t, &grid);
	screen_repaint(t.screen);
	assert_true(terminal_draw(&t, &grid) >= whole / 2);
	terminal_close(&t);
	top_grid_fini(&grid);
	assert_true(whole < 4096);
	assert_true(cell > 0 && cell < 32);
	assert_true(row > 0 && row < 128);
}

static void copied_text_is_a_sequence_of_its_own(void **state)
{
	static const char want[] = "\033]52;c;ZGVmYXVsdC8xNyA0MTgyMg==\033\\";
	struct terminal t = {.colors = true};
	char sent[sizeof(want)] = "";
	const ssize_t len = sizeof(want) - 1;
	off_t end;

	(void)state;
	terminal_open(&t, 24, 80);
	assert_int_equal(0, screen_copy(t.screen, "default/17 41822"));
	end = lseek(t.out, 0, SEEK_END);
	assert_int_equal(len, pread(t.out, sent, (size_t)len, end - len));
	terminal_close(&t);
	assert_string_equal(want, sent);
}

static void stderr_is_kept_until_the_screen_is_left(void **state)
{
	struct terminal t = {.colors = true};
	int kept = dup(STDERR_FILENO), behind = memfd_create("stderr", MFD_CLOEXEC);
	char text[16] = "";
	off_t before, after;

	(void)state;
	assert_true(kept >= 0 && behind >= 0);
	assert_true(dup2(behind, STDERR_FILENO) >= 0);
	terminal_open(&t, 24, 80);
	(void)fputs("a warning\n", stderr);
	before = lseek(behind, 0, SEEK_END);
	terminal_close(&t);
	after = lseek(behind, 0, SEEK_END);
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	(void)close(kept);
	assert_int_equal(0, before);
	assert_int_equal(after, pread(behind, text, sizeof(text) - 1, 0));
	(void)close(behind);
	assert_string_equal("a warning\n", text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_grid_after_any_other_is_what_is_shown),
	    cmocka_unit_test(without_colors_none_is_sent),
	    cmocka_unit_test(only_what_changed_is_sent),
	    cmocka_unit_test(stderr_is_kept_until_the_screen_is_left),
	    cmocka_unit_test(copied_text_is_a_sequence_of_its_own),
	};

	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 1;
	return cmocka_run_group_tests_name("top/screen", tests, NULL, NULL);
}
