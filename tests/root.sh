#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: root.sh SUITE ROOT PACKAGE…
#
# Makes ROOT, a small root of another Debian release that has these packages besides. A root that is
# there is whole, and is used again: to have other packages in it, remove it.
set -eu

suite=$1
root=$2
shift 2

# shellcheck disable=SC2016 # apt's own variable
mirror() {
	apt-get indextargets --format '$(SITE)' \
		'Created-By: Packages' 'Origin: Debian' | sort -u |
		grep -v -e security | head -n 1
}

in_root() {
	chroot "$root.new" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"
}

[ ! -d "$root" ] || exit 0
rm -rf "$root.new"
mkdir -p "$(dirname "$root")"
debootstrap --variant=minbase "$suite" "$root.new" "$(mirror)"
cp /etc/resolv.conf "$root.new/etc/resolv.conf"
# A mirror that lags behind is no reason not to test.
echo 'Acquire::Check-Valid-Until "false";' >"$root.new/etc/apt/apt.conf.d/90cocosecret"
in_root apt-get update
in_root apt-get install -y --no-install-recommends "$@"
mv "$root.new" "$root"
