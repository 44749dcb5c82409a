#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# If the command line names no root, as gpt-auto does not, it is the one that the unlocker settles
# on. Sourced; dracut reads the variables.
# shellcheck disable=SC2034,SC2154

if [ -z "$root" ] || [ "$root" = gpt-auto ]; then
	root=block:/run/cocosecret/root
	rootok=1
fi
