/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_CONFIG_H
#define COCOSECRET_CONFIG_H

#include "config/cmdline.h"
#include "config/volume.h"

struct config {
	bool off;
	bool discover; /* nothing is configured: the tokens decide */
	unsigned int timeout_s;
	enum source source;
	struct anchors anchors; /* whose signature a header must carry */
	struct broker broker;   /* as the command line has it */
	enum tables tables;
	char root[VOLUME_NAME_SIZE]; /* as the command line's root= names it, or empty */
	struct volumes volumes;
};

/* @cocotab NULL means the default one, which need not exist. */
int config_load(const char *cmdline, const char *cocotab, struct config *config,
		struct fault *fault);
/*
 * Whose signature a header must carry on this machine, for whoever takes no volumes from its
 * configuration.
 */
int config_anchors(struct anchors *anchors, struct fault *fault);
/* What the file says of the broker, BROKER_FILE mostly: -ENOENT where there is none. */
int config_read_broker(const char *path, struct broker *broker, struct fault *fault);
/* What the image says of the broker, besides the command line. Negative, with the reason in @fault. */
int config_complete_broker(struct broker *broker, struct fault *fault);
int config_merge(struct cmdline *cmdline, const struct volumes *cocotab, struct config *config,
		 struct fault *fault);
void config_free(struct config *config);

#endif
