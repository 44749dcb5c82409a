/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_BROKER_MODULES_H
#define COCOSECRET_BROKER_MODULES_H

#include "config/broker.h"

/*
 * Calls @use with each kernel module that an image needs to prove to @broker what it is, and to reach
 * it; those of all machines and ways where @broker leaves it open. @proves: a report's provider, which
 * brings configfs-tsm; a kernel need not have all of these, but one. Ends where @use is not 0.
 */
typedef int broker_module_use(void *context, const char *name, bool proves);
int broker_each_module(const struct broker *broker, broker_module_use *use, void *context);

#endif
