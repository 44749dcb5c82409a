/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_BRING_H
#define COCOSECRET_BRING_H

#include "boot/run.h"

/*
 * Gets the secrets that the configuration names from the key broker that it names, and puts them
 * where rd.cocosecret.source=run reads them. Does nothing where it names no broker. An exit code;
 * what went wrong is in the log. The process is to end soon after: it stays locked in memory. With
 * @argv, which are the @arguments before they were read, another program may take its place.
 */
int bring_secrets(const struct run_arguments *arguments, char **argv);

#endif
