#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: deps.sh build|boot|all [PACKAGE…]
#
# Installs what building needs, what make boot and make demo need besides, or
# all that the tests need, and the packages named besides; says nothing when it is there.
set -eu

build='
build-essential pkg-config kmod
libcryptsetup-dev libdevmapper-dev libudev-dev libkmod-dev libjson-c-dev
libssl-dev uuid-dev libblkid-dev
linux-headers-cloud-amd64 gnu-efi acpica-tools
debhelper dh-dkms libcmocka-dev
'
boot='
qemu-system-x86 qemu-utils ovmf python3
debootstrap cryptsetup-bin e2fsprogs cpio zstd xz-utils busybox-static fdisk
'
tests='
git
clang libclang-rt-14-dev clang-tidy cppcheck sparse shellcheck mandoc
codespell aspell aspell-en
nbdkit nbdkit-plugin-python
zsh lintian rpm rpmlint openssl sbsigntool strace graphviz
swtpm swtpm-tools ipxe-qemu
libvirt-clients-qemu python3-libvirt python3-lxml python3-cryptography
python3-jsonschema python3-yaml
python3-pytest python3-pytest-xdist python3-pytest-timeout
'

case ${1:-} in
build) packages=$build ;;
boot) packages="$build $boot" ;;
all) packages="$build $boot $tests" ;;
*)
	echo "usage: deps.sh build|boot|all [PACKAGE…]" >&2
	exit 2
	;;
esac
set=$1
shift

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
	echo "deps: run 'sudo tests/deps.sh $set' first" >&2
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
