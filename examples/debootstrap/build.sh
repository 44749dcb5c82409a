#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: build.sh PACKAGES OUTPUT [SUITE [MIRROR [SECURITY]]]
#
# Makes a Debian whose encrypted root boots from a launch secret, with
# debootstrap and cocosecret initrd, without loop devices and device-mapper.
# PACKAGES is the folder with the packages of `make deb`. Puts into OUTPUT:
# disk.img, vmlinuz, initrd.img, table.bin; and the owner's alone: disk.key,
# which the table holds, and owner.key, a second key to the disk. Files of a
# folder OVERLAY, a variable, are put over the root. Updates come from SECURITY,
# by default this machine's source of them; an empty word is none.
set -eu

if [ $# -lt 2 ] || [ $# -gt 5 ]; then
	sed -n '3,11s/^# \{0,1\}//p' "$0" >&2
	exit 2
fi
# What is mounted goes with this process.
if [ -z "${BUILD_MOUNTS-}" ]; then
	BUILD_MOUNTS=own exec unshare --mount "$0" "$@"
fi
packages=$(realpath "$1")
output=$(realpath "$2")
suite=${3-bookworm}
# By default the mirror of this machine.
# shellcheck disable=SC2016 # a word of apt's
mirror=${4-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' |
	grep -v security | head -n 1)}
# shellcheck disable=SC2016
security=${5-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' |
	grep security | head -n 1)}
spare=64 # MiB of free room on the root
header=32 # MiB, which cryptsetup wants for the header

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

echo "build: Debian $suite"
debootstrap --variant=minbase \
	--include=systemd-sysv,udev "$suite" "$root" "$mirror" >"$work/log" || { tail "$work/log"; exit 1; }

echo "build: the kernel, cocosecret and the initramfs, with today's updates"
case $suite in
sid | unstable) ;; # has none besides its own
*) [ -z "$security" ] ||
	echo "deb $security $suite-security main" >>"$root/etc/apt/sources.list" ;;
esac
mount -t proc proc "$root/proc"
# The last one keeps apt from installing initramfs-tools with the kernel.
cp "$packages"/cocosecret_*.deb "$packages"/efi-secret-dkms_*.deb \
	"$packages"/cocosecret-initrd_*.deb "$root/tmp"
chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	DEBIAN_FRONTEND=noninteractive sh -euc '
	apt-get update
	apt-get upgrade -y
	apt-get install -y --no-install-recommends /tmp/*.deb \
		linux-image-cloud-amd64 linux-headers-cloud-amd64
	rm /tmp/*.deb
	cocosecret initrd -o /boot/initrd.img --filesystems ext4
	apt-get clean
	' >"$work/log" 2>&1 || { tail "$work/log"; exit 1; }
umount "$root/proc"
version=$(basename "$root"/lib/modules/*)
cp "$root/boot/vmlinuz-$version" "$output/vmlinuz"
mv "$root/boot/initrd.img" "$output/initrd.img"

echo "build: the doors that the root would leave to its host"
: >"$root/etc/fstab"
# Its consoles are the host's, and so is where a crash would leave the kernel's log.
chroot "$root" systemctl --quiet mask getty@.service getty-static.service \
	autovt@.service serial-getty@.service systemd-pstore.service
# Our initramfs keeps these from the root. They stay shut with another one, too.
mkdir -p "$root/etc/systemd/system-generators" "$root/etc/systemd/system.conf.d"
ln -s /dev/null "$root/etc/systemd/system-generators/systemd-gpt-auto-generator"
cat >"$root/etc/systemd/system.conf.d/no-credentials.conf" <<-END
	[Manager]
	ManagerEnvironment=CREDENTIALS_DIRECTORY=/run/credentials/@none
END
echo "blacklist efivarfs" >"$root/etc/modprobe.d/no-efivarfs.conf"
# What the root needs, and from then on no driver for whatever is plugged in.
printf '%s\n' virtio_net virtio_rng >"$root/etc/modules-load.d/needed.conf"
echo "kernel.modules_disabled = 1" >"$root/etc/sysctl.d/no-modules.conf"
[ -z "${OVERLAY-}" ] || cp -a "$OVERLAY/." "$root"
# The owner decides what stays open, so a door (1) does not end the build.
cocosecret audit --closed-initramfs "$root" || [ $? = 1 ]

echo "build: the disk"
# Everything was loaded from the initramfs, or is: 100 MiB less.
rm -r "$root/usr/src" "$root/var/lib/apt/lists"
used=$(du -sm "$root" | cut -f1)
rm -f "$output/disk.img"
mke2fs -q -t ext4 -d "$root" "$output/disk.img" "$((used + used / 10 + spare))M"
truncate -s "+${header}M" "$output/disk.img"
cocosecret keygen -o "$output/owner.key"
cryptsetup reencrypt --encrypt --batch-mode --type luks2 \
	--reduce-device-size "${header}M" --resilience none \
	--pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
	--key-file "$output/owner.key" "$output/disk.img"

cocosecret keygen -o "$output/disk.key"
cocosecret enroll "$output/disk.img" --name root \
	--new-key-file "$output/disk.key" --key-file "$output/owner.key"
cocosecret verify "$output/disk.img" --key-file "$output/disk.key"
cocosecret table build -o "$output/table.bin" "$output/disk.key"
