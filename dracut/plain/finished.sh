#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What dracut's main loop waits for.
# shellcheck disable=SC2154 # dracut sets hookdir

[ -e "$hookdir/cocosecret.unlocked" ]
