#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: debug.sh DIR
#
# Builds, from Debian's linux-source package, the kernel of debug.config in
# DIR/source, and for it (with W=1) our module in DIR/module and the test of
# its parser in DIR/parser. A kernel that is there is used again; an
# interrupted build goes on where it was.
set -eu

dir=$1
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
source=$dir/source

fetch() {
	rm -rf "$dir/deb" "$source"
	mkdir -p "$dir/deb"
	(cd "$dir/deb" && apt-get -o APT::Sandbox::User=root download linux-source-6.1)
	dpkg-deb -x "$dir"/deb/linux-source-6.1_*.deb "$dir/deb"
	mkdir "$source.new"
	tar -C "$source.new" --strip-components=1 \
		-xf "$dir"/deb/usr/src/linux-source-6.1.tar.xz
	mv "$source.new" "$source"
	rm -rf "$dir/deb"
}

configure() {
	make -s -C "$source" tinyconfig
	(cd "$source" && scripts/kconfig/merge_config.sh -m .config "$here/debug.config")
	make -s -C "$source" olddefconfig
	# An option that did not take would make the test pass for nothing.
	lost=$(grep '^CONFIG_' "$here/debug.config" |
		grep -vxF -f "$source/.config" || :)
	[ -z "$lost" ] || { echo "debug.sh: did not take: $lost" >&2; exit 1; }
	cp "$here/debug.config" "$dir/configured"
}

[ -d "$source" ] || fetch
cmp -s "$here/debug.config" "$dir/configured" || configure
make -s -C "$source" -j"$(nproc)" bzImage modules

build() {
	rm -rf "${dir:?}/$1"
	mkdir -p "$dir/$1"
	to=$dir/$1
	shift
	cp "$@" "$to"
	make -s -C "$source" M="$(cd "$to" && pwd)" W=1 modules
}

build module "$top"/module/*.[ch] "$top/module/Kbuild"
build parser "$here"/parser/* "$top"/module/table.[ch]
