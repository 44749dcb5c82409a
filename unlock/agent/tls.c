// SPDX-License-Identifier: GPL-2.0-or-later
/* Of the program without TLS; unlock/tls has the other's. */
#include "agent/tls.h"

#include <string.h>
#include <unistd.h>

#include "config/pins.h"
#include "lib/exitcode.h"

int tls_prepare(struct tls **tls, const char *host, char **argv, struct fault *fault)
{
	(void)tls;
	(void)host;
	execv(AGENT_TLS_PATH, argv);
	fault_set(fault, "rd.cocosecret.kbs=https://, but " AGENT_TLS_PATH " does not start: %s; an image "
		  "gets it by " PINS_FILE ", which must be there before the image is made", strerror(errno));
	return EXIT_CONFIG;
}
