// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/config.h"

#include <errno.h>
#include <string.h>

#include "config/cocotab.h"
#include "lib/cleanup.h"
#include "lib/file.h"

static int load_cocotab(const char *path, struct volumes *volumes, struct fault *fault)
{
	CLEANUP(free_text) char *text = NULL;
	size_t length = 0;
	int r = file_read(path ? path : COCOTAB_PATH, &text, &length);

	if (r == -ENOENT && !path)
		return 0;
	if (!path)
		path = COCOTAB_PATH;
	if (r < 0)
		return fault_set(fault, "%s: %s", path, strerror(-r));
	return cocotab_parse((struct slice){ text, length }, path, volumes, fault);
}

/* The command line's volumes, then those of cocotab that it does not name. */
int config_merge(struct cmdline *cmdline, const struct volumes *cocotab, struct config *config,
		 struct fault *fault)
{
	*config = (struct config){ .off = cmdline->off,
				   .timeout_s = cmdline->timeout_s,
				   .source = cmdline->source,
				   .anchors = cmdline->anchors,
				   .broker = cmdline->broker,
				   .tables = cmdline->tables,
				   .volumes = cmdline->volumes };
	memcpy(config->root, cmdline->root, sizeof(config->root));
	cmdline->volumes = (struct volumes){ 0 };
	for (size_t i = 0; i < cocotab->count; i++) {
		int r;

		if (volumes_find(&config->volumes, cocotab->list[i].name))
			continue;
		r = volumes_add(&config->volumes, &cocotab->list[i], fault);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The image's are added. Whoever brings the secret could bring a disk of his that is sealed with it. */
static int complete_anchors(enum source source, struct anchors *anchors, struct fault *fault)
{
	if (anchors_add_folder(anchors, ANCHOR_FOLDER, fault) < 0)
		return -EINVAL;
	if (source != SOURCE_RUN || anchors->count || anchors->unwanted)
		return 0;
	return fault_set(fault, "rd.cocosecret.source=run, but no owner's public key: whoever brings "
			 "the secret could bring a disk, too; put the key into " ANCHOR_FOLDER
			 "/NAME.pem before the image is made, or say rd.cocosecret.owner=KEY, see "
			 "cocosecret keygen --owner; rd.cocosecret.owner=none does without");
}

int config_load(const char *cmdline_path, const char *cocotab_path, struct config *config,
		struct fault *fault)
{
	CLEANUP(volumes_free) struct volumes cocotab = { 0 };
	struct cmdline cmdline = { 0 };
	int r = cmdline_load(cmdline_path, &cmdline, fault);

	*config = (struct config){ .off = r == 0 && cmdline.off };
	if (r == 0 && !cmdline.off)
		r = load_cocotab(cocotab_path, &cocotab, fault);
	if (r == 0 && !cmdline.off)
		r = config_merge(&cmdline, &cocotab, config, fault);
	if (r == 0 && !cmdline.off)
		r = complete_anchors(config->source, &config->anchors, fault);
	volumes_free(&cmdline.volumes);
	config->discover = r == 0 && !config->off && config->volumes.count == 0;
	return r;
}

int config_anchors(struct anchors *anchors, struct fault *fault)
{
	struct cmdline cmdline;
	int r = cmdline_settings(&cmdline, fault);

	*anchors = cmdline.anchors;
	return r < 0 ? r : complete_anchors(cmdline.source, anchors, fault);
}

int config_read_broker(const char *path, struct broker *broker, struct fault *fault)
{
	CLEANUP(free_text) char *text = NULL;
	size_t length = 0;
	int r = file_read(path, &text, &length);

	*broker = (struct broker){ 0 };
	if (r < 0) {
		fault_set(fault, "%s: %s", path, strerror(-r));
		return r;
	}
	if (cmdline_parse_broker((struct slice){ text, length }, broker, fault) < 0)
		return fault_prefix(fault, "%s: ", path);
	return 0;
}

int config_complete_broker(struct broker *broker, struct fault *fault)
{
	struct broker image;
	int r = config_read_broker(BROKER_FILE, &image, fault);

	if (r < 0 && r != -ENOENT)
		return r;
	broker_complete(broker, &image);
	return 0;
}

void config_free(struct config *config)
{
	volumes_free(&config->volumes);
}
