/* SPDX-License-Identifier: Apache-2.0 */
#include "act.h"

#include <stdio.h>
#include <string.h>

#include "copy.h"
#include "dump.h"
#include "settings.h"

static void copy(const struct top_stage *stage)
{
	const struct top_context context = {.frame = stage->frame,
					    .rows = stage->rows,
					    .lints = stage->lints->lint,
					    .lints_nr = top_lints_kept(stage->lints)};
	struct snp_buf text = {0};
	snp_mono_t now = snp_mono_now();
	int rc;

	top_copy_text(&text, stage->ui, &context);
	snp_buf_putc(&text, '\0');
	if (text.failed || text.data[0] == '\0') {
		top_ui_toast(stage->ui, now, "select a line to copy");
	} else {
		rc = screen_copy(stage->screen, text.data);
		if (rc < 0)
			top_ui_toast(stage->ui, now, "cannot copy: %s", strerror(-rc));
		else
			top_ui_toast(stage->ui, now, "copied: %s", text.data);
	}
	snp_buf_fini(&text);
}

static void dump(const struct top_stage *stage)
{
	const struct top_scene scene = {.frame = stage->frame,
					.ui = stage->ui,
					.rows = stage->rows,
					.lints = stage->lints,
					.now = snp_mono_now()};
	char name[TOP_DUMP_NAME_BYTES];
	struct snp_err err = {0};

	if (top_dump_write(&scene, stage->grid, name, &err) < 0)
		top_ui_toast(stage->ui, scene.now, "%s", err.msg);
	else
		top_ui_toast(stage->ui, scene.now, "wrote %s.txt and .json", name);
}

static void save(const struct top_stage *stage)
{
	snp_mono_t now = snp_mono_now();
	struct snp_err err = {0};

	if (!stage->settings)
		top_ui_toast(stage->ui, now, "no place for settings: HOME is not set");
	else if (top_settings_save(stage->settings, stage->ui, &err) < 0)
		top_ui_toast(stage->ui, now, "%s", err.msg);
	else
		top_ui_toast(stage->ui, now, "wrote %s", stage->settings);
}

static void record(const struct top_stage *stage)
{
	char name[TOP_DUMP_NAME_BYTES], path[TOP_DUMP_NAME_BYTES + 8];
	snp_mono_t now = snp_mono_now();
	struct snp_err err = {0};
	int rc;

	if (top_source_recording(stage->source)) {
		(void)snprintf(path, sizeof(path), "%s",
			       top_source_recording(stage->source));
		rc = top_source_record_end(stage->source, &err);
	} else {
		top_dump_name(name, stage->frame);
		(void)snprintf(path, sizeof(path), "%s.rec", name);
		rc = top_source_record(stage->source, path, &err);
	}
	stage->ui->recording = top_source_recording(stage->source);
	if (rc < 0)
		top_ui_toast(stage->ui, now, "%s", err.msg);
	else
		top_ui_toast(stage->ui, now, "%s %s",
			     stage->ui->recording ? "recording to" : "recorded", path);
}

void top_act(const struct top_stage *stage)
{
	struct top_ui *ui = stage->ui;

	if (top_ui_take(ui, TOP_WANT_REPAINT))
		screen_repaint(stage->screen);
	if (top_ui_take(ui, TOP_WANT_THEME))
		screen_theme(stage->screen, ui->theme);
	if (top_ui_take(ui, TOP_WANT_COPY))
		copy(stage);
	if (top_ui_take(ui, TOP_WANT_DUMP))
		dump(stage);
	if (top_ui_take(ui, TOP_WANT_RECORD) && stage->source)
		record(stage);
	if (top_ui_take(ui, TOP_WANT_SAVE))
		save(stage);
}
