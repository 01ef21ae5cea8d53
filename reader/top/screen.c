/* SPDX-License-Identifier: Apache-2.0 */
#include "screen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>

#include "copy.h"
#include "keys.h"
#include "screen_guard.h"

#define ESCAPE_DELAY_MS 25
#define WHEEL_LINES	3

struct screen {
	SCREEN *term;
	FILE *in;      /* the terminal, where stdin is not it; else NULL */
	int stderr_fd; /* the real one, while a memfd stands in for it; -1 = none */
	const char *fallback;
	bool colors, own_colors; /* has some; keeps the user's own besides */
	struct termios found;	 /* modes to give back */
	attr_t attrs[TOP_STYLE_NR];
	short pairs[TOP_STYLE_NR];
	struct top_grid shown; /* what the terminal has */
	cchar_t *line;
	int line_cap;
};

/* ---- looks --------------------------------------------------------------- */

static attr_t attributes_of(unsigned attrs)
{
	return (attrs & TOP_ATTR_BOLD ? A_BOLD : A_NORMAL) |
	       (attrs & TOP_ATTR_DIM ? A_DIM : A_NORMAL) |
	       (attrs & TOP_ATTR_REVERSE ? A_REVERSE : A_NORMAL);
}

void screen_theme(struct screen *screen, enum top_theme theme)
{
	for (int i = 0; i < TOP_STYLE_NR; i++) {
		struct top_look look = top_theme_look(
		    screen->colors ? theme : TOP_THEME_MONO, (enum top_style)i);
		short pair = (short)(i + 1), fg = look.fg, bg = look.bg;

		screen->attrs[i] = attributes_of(look.attrs);
		screen->pairs[i] = 0;
		if (fg < 0 && bg < 0)
			continue;
		/* Where the terminal cannot keep its own, there is white on black. */
		if (fg < 0 && !screen->own_colors)
			fg = COLOR_WHITE;
		if (bg < 0 && !screen->own_colors)
			bg = COLOR_BLACK;
		if (init_pair(pair, fg, bg) == OK)
			screen->pairs[i] = pair;
	}
	screen_repaint(screen);
}

static void prepare_colors(struct screen *screen, bool wanted)
{
	screen->colors = wanted && has_colors() && start_color() == OK;
	screen->own_colors = screen->colors && use_default_colors() == OK;
}

bool screen_has_colors(const struct screen *screen)
{
	return screen->colors;
}

/* ---- taking over and giving back ----------------------------------------- */

static void append_capability(char *text, size_t size, const char *name)
{
	const char *value = tigetstr(name);
	size_t used = strlen(text), len;

	if (!value || (intptr_t)value == -1)
		return;
	/* Padding ("$<5>") is for terminals nobody crashes on any more. */
	len = strlen(value);
	if (len < size - used)
		memcpy(text + used, value, len + 1);
}

static void guard(const struct screen *screen)
{
	char restore[256] = "";

	append_capability(restore, sizeof(restore), "sgr0");
	append_capability(restore, sizeof(restore), "rmkx");
	append_capability(restore, sizeof(restore), "cnorm");
	append_capability(restore, sizeof(restore), "rmcup");
	screen_guard_set(STDOUT_FILENO, &screen->found, restore);
}

/* Text of libraries would land in the middle of the picture. */
static void hold_stderr(struct screen *screen)
{
	int fd = memfd_create("stderr", MFD_CLOEXEC);

	if (fd < 0)
		return;
	screen->stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (screen->stderr_fd >= 0)
		(void)dup2(fd, STDERR_FILENO);
	(void)close(fd);
}

static void release_stderr(struct screen *screen)
{
	off_t from = 0, len;

	if (screen->stderr_fd < 0)
		return;
	len = lseek(STDERR_FILENO, 0, SEEK_CUR);
	while (from < len)
		if (sendfile(screen->stderr_fd, STDERR_FILENO, &from,
			     (size_t)(len - from)) <= 0)
			break;
	(void)dup2(screen->stderr_fd, STDERR_FILENO);
	(void)close(screen->stderr_fd);
	screen->stderr_fd = -1;
}

static int open_input(struct screen *screen, struct snp_err *err)
{
	if (isatty(STDIN_FILENO))
		return 0;
	screen->in = fopen("/dev/tty", "re");
	if (!screen->in)
		return snp_err_set(
		    err, -ENOTTY,
		    "no terminal to read keys from; use --once or --json");
	return 0;
}

/* Asked first, because newterm() leaks what it began when it fails. */
static bool is_described(const char *term)
{
	int status;

	if (setupterm(term, STDOUT_FILENO, &status) != OK)
		return false;
	(void)del_curterm(cur_term);
	return true;
}

/* The user's entry, or the nearest thing to it that is installed. */
static int open_term(struct screen *screen, struct snp_err *err)
{
	static const char *const fallbacks[] = {"xterm-256color", "ansi"};
	FILE *in = screen->in ? screen->in : stdin;

	if (is_described(NULL))
		screen->term = newterm(NULL, stdout, in);
	for (size_t i = 0; i < sizeof(fallbacks) / sizeof(*fallbacks) && !screen->term;
	     i++) {
		screen->fallback = fallbacks[i];
		if (is_described(fallbacks[i]))
			screen->term = newterm(fallbacks[i], stdout, in);
	}
	if (!screen->term)
		return snp_err_set(err, -EINVAL,
				   "no terminal description for TERM=\"%s\"; install "
				   "ncurses-base, or use --once",
				   getenv("TERM") ? getenv("TERM") : "");
	return 0;
}

static void set_modes(void)
{
	(void)raw(); /* ^C and ^Z are keys like all others */
	(void)noecho();
	(void)nonl();
	(void)nodelay(stdscr, TRUE);
	(void)keypad(stdscr, TRUE);
	(void)set_escdelay(ESCAPE_DELAY_MS);
	(void)scrollok(stdscr, FALSE);
	(void)curs_set(0);
}

int screen_open(const struct screen_options *options, struct screen **ret_screen,
		struct snp_err *err)
{
	struct screen *screen = calloc(1, sizeof(*screen));
	int rc;

	if (!screen)
		return snp_err_set(err, -ENOMEM, "out of memory");
	screen->stderr_fd = -1;
	rc = open_input(screen, err);
	if (rc == 0 && tcgetattr(screen_fd(screen), &screen->found) < 0)
		rc = snp_err_errno(err, "cannot read the terminal's modes");
	if (rc == 0)
		rc = open_term(screen, err);
	if (rc < 0) {
		if (screen->in)
			(void)fclose(screen->in);
		free(screen);
		return rc;
	}
	guard(screen);
	hold_stderr(screen);
	set_modes();
	prepare_colors(screen, options->colors);
	screen_theme(screen, options->theme);
	if (options->mouse) {
		/* Presses alone: waiting for the second click would delay the first. */
		(void)mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED,
				NULL);
		(void)mouseinterval(0);
	}
	*ret_screen = screen;
	return 0;
}

void screen_close(struct screen **screen_ptr)
{
	struct screen *screen = *screen_ptr;

	if (!screen)
		return;
	(void)endwin();
	delscreen(screen->term);
	(void)tcsetattr(screen_fd(screen), TCSANOW, &screen->found);
	screen_guard_clear();
	release_stderr(screen);
	if (screen->in)
		(void)fclose(screen->in);
	top_grid_fini(&screen->shown);
	free(screen->line);
	free(screen);
	*screen_ptr = NULL;
}

void screen_leave(struct screen *screen)
{
	(void)endwin();
	(void)tcsetattr(screen_fd(screen), TCSANOW, &screen->found);
}

void screen_enter(struct screen *screen)
{
	/* The shell may have changed modes: what it has now is what it gets back. */
	(void)tcgetattr(screen_fd(screen), &screen->found);
	guard(screen);
	(void)reset_prog_mode();
	screen_resized(screen);
}

const char *screen_fallback(const struct screen *screen)
{
	return screen->fallback;
}

/* ---- size ---------------------------------------------------------------- */

void screen_size(const struct screen *screen, int *ret_rows, int *ret_cols)
{
	(void)screen;
	*ret_rows = getmaxy(stdscr);
	*ret_cols = getmaxx(stdscr);
}

void screen_repaint(struct screen *screen)
{
	(void)top_grid_reset(&screen->shown, 0, 0);
	(void)clearok(curscr, TRUE);
}

void screen_resized(struct screen *screen)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 &&
	    size.ws_col > 0)
		(void)resizeterm(size.ws_row, size.ws_col);
	screen_repaint(screen);
}

/* ---- drawing ------------------------------------------------------------- */

static void draw_line(struct screen *screen, const struct top_grid *grid, int row)
{
	int n = 0;

	for (int col = 0; col < grid->cols; col++) {
		const struct top_cell *cell = top_grid_cell(grid, row, col);
		wchar_t text[2] = {(wchar_t)cell->ch, L'\0'};
		attr_t attr = screen->attrs[cell->style];

		if (cell->width == 0)
			continue;
		if (cell->flags & TOP_CELL_FROZEN)
			attr |= A_DIM;
		if (cell->flags & TOP_CELL_SELECTED)
			attr |= A_REVERSE;
		(void)setcchar(&screen->line[n++], text, attr,
			       screen->pairs[cell->style], NULL);
	}
	(void)mvadd_wchnstr(row, 0, screen->line, n);
}

static bool line_is_shown(const struct screen *screen, const struct top_grid *grid,
			  int row)
{
	return screen->shown.rows == grid->rows && screen->shown.cols == grid->cols &&
	       memcmp(top_grid_cell(&screen->shown, row, 0),
		      top_grid_cell(grid, row, 0),
		      (size_t)grid->cols * sizeof(struct top_cell)) == 0;
}

void screen_draw(struct screen *screen, const struct top_grid *grid)
{
	size_t bytes =
	    (size_t)grid->rows * (size_t)grid->cols * sizeof(struct top_cell);

	if (bytes == 0)
		return;
	if (grid->cols > screen->line_cap) {
		void *bigger = reallocarray(screen->line, (size_t)grid->cols,
					    sizeof(*screen->line));

		if (!bigger)
			return;
		screen->line = bigger;
		screen->line_cap = grid->cols;
	}
	for (int row = 0; row < grid->rows; row++)
		if (!line_is_shown(screen, grid, row))
			draw_line(screen, grid, row);
	if (screen->shown.rows != grid->rows || screen->shown.cols != grid->cols)
		(void)top_grid_reset(&screen->shown, grid->rows, grid->cols);
	if (screen->shown.cols == grid->cols)
		memcpy(screen->shown.cells, grid->cells, bytes);
	(void)refresh();
}

int screen_copy(struct screen *screen, const char *text)
{
	struct snp_buf out = {0};
	int rc;

	(void)screen;
	top_copy_sequence(&out, text);
	if (out.failed) {
		snp_buf_fini(&out);
		return -ENOMEM;
	}
	/* Behind what curses has written; it knows nothing of such sequences. */
	(void)fflush(stdout);
	rc = snp_buf_write_fd(&out, STDOUT_FILENO);
	snp_buf_fini(&out);
	return rc;
}

/* ---- keys ---------------------------------------------------------------- */

int screen_fd(const struct screen *screen)
{
	return screen->in ? fileno(screen->in) : STDIN_FILENO;
}

static uint32_t key_of_code(wint_t code)
{
	if (code >= (wint_t)KEY_F(1) && code <= (wint_t)KEY_F(12))
		return TOP_KEY_F((uint32_t)(code - (wint_t)KEY_F0));
	switch (code) {
	case KEY_UP:
		return TOP_KEY_UP;
	case KEY_DOWN:
		return TOP_KEY_DOWN;
	case KEY_PPAGE:
		return TOP_KEY_PAGE_UP;
	case KEY_NPAGE:
		return TOP_KEY_PAGE_DOWN;
	case KEY_HOME:
		return TOP_KEY_HOME;
	case KEY_END:
		return TOP_KEY_END;
	case KEY_LEFT:
		return TOP_KEY_LEFT;
	case KEY_RIGHT:
		return TOP_KEY_RIGHT;
	case KEY_BTAB:
		return TOP_KEY_BACKTAB;
	case KEY_BACKSPACE:
		return TOP_KEY_BACKSPACE;
	case KEY_DC:
		return TOP_KEY_DELETE;
	case KEY_ENTER:
		return TOP_KEY_ENTER;
	case KEY_MOUSE:
		return TOP_KEY_MOUSE;
	default:
		return TOP_KEY_OTHER;
	}
}

void screen_mouse(struct screen *screen, struct top_mouse *ret_mouse)
{
	MEVENT event = {0};

	(void)screen;
	*ret_mouse = (struct top_mouse){.row = -1};
	if (getmouse(&event) != OK)
		return;
	if (event.bstate & BUTTON4_PRESSED)
		ret_mouse->wheel = -WHEEL_LINES;
	else if (event.bstate & BUTTON5_PRESSED)
		ret_mouse->wheel = WHEEL_LINES;
	ret_mouse->row = event.y;
	ret_mouse->col = event.x;
}

uint32_t screen_key(struct screen *screen)
{
	wint_t code;
	int rc = get_wch(&code);

	(void)screen;
	if (rc == KEY_CODE_YES)
		return key_of_code(code);
	if (rc != OK)
		return 0;
	return code == 0 ? TOP_KEY_OTHER : (uint32_t)code;
}
