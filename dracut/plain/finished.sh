#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# dracut's main loop waits for this.
# shellcheck disable=SC2154 # dracut sets hookdir

[ -e "$hookdir/cocosecret.unlocked" ]
