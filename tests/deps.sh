#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: deps.sh [PACKAGE…]
#
# Installs what building and testing need, and the packages named besides;
# says nothing when all is there.
set -eu

packages='
build-essential pkg-config git kmod
libcryptsetup-dev libdevmapper-dev libudev-dev libkmod-dev libjson-c-dev
libssl-dev uuid-dev libblkid-dev libdevmapper-dev libcmocka-dev
clang libclang-rt-14-dev clang-tidy cppcheck sparse shellcheck mandoc
codespell aspell aspell-en
linux-headers-cloud-amd64
qemu-system-x86 qemu-utils ovmf gnu-efi acpica-tools
debootstrap cryptsetup-bin e2fsprogs cpio zstd xz-utils busybox-static
fdisk nbdkit nbdkit-plugin-python
zsh debhelper dh-dkms lintian rpm rpmlint openssl sbsigntool strace graphviz
libvirt-clients-qemu python3-libvirt python3-lxml python3-cryptography
python3-jsonschema python3-yaml
python3 python3-pytest python3-pytest-xdist python3-pytest-timeout
'

is_installed() {
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=
for package in $packages "$@"; do
	is_installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "deps: no apt-get here; install what provides:$missing" >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "deps: not root, cannot install:$missing" >&2
	echo "deps: run 'sudo make deps' first" >&2
	exit 1
fi
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # a list of words
if ! { apt-get update && apt-get install -y --no-install-recommends $missing; } \
	>"$log" 2>&1; then
	tail -n 20 "$log" >&2
	echo "deps: apt-get failed, see above" >&2
	exit 1
fi
