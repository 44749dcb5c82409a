#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: tree.sh SUITE DIR
#
# Makes in DIR/root what is needed to build for and boot the cloud kernel of
# another Debian release: the kernel, its headers and that release's compiler
# (an out-of-tree module wants the one that made its kernel). Builds
# DIR/root/src/efi_secret.ko from module/ with W=1 and writes the kernel's
# version to DIR/version. A root that is there is used again.
set -eu

suite=$1
dir=$2
top=$(cd "$(dirname "$0")/../.." && pwd)
root=$dir/root

kernel_version() {
	# shellcheck disable=SC2012 # names of kernels
	ls "$root/lib/modules" | sort -V | tail -n 1
}

# With /proc, since objtool reads it; never left mounted.
# shellcheck disable=SC2016 # the inner shell's parameters
build() {
	rm -rf "$root/src"
	mkdir -p "$root/src"
	cp "$top"/module/*.[ch] "$top/module/Kbuild" "$root/src"
	unshare --mount sh -eu -c '
		mount -t proc proc "$1/proc"
		exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C \
			make -s -C "/lib/modules/$2/build" M=/src W=1 \
			CONFIG_DEBUG_INFO_BTF_MODULES= modules' \
		sh "$root" "$1" >"$dir/build.log" 2>&1 || {
		cat "$dir/build.log" >&2
		return 1
	}
	if [ -s "$dir/build.log" ]; then
		echo "kernels: the module does not build without a word on $1:" >&2
		cat "$dir/build.log" >&2
		return 1
	fi
}

"$top/tests/root.sh" "$suite" "$root" make gcc kmod perl \
	linux-headers-cloud-amd64 linux-image-cloud-amd64
kernel_version >"$dir/version"
build "$(cat "$dir/version")"
