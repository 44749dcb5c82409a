#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: fault.sh NAME SECRET COMMAND…
#
# Runs a command, the unlocker with a fault, and says what it left: its exit
# status, whether the mapping, its record and the secret are there, and its
# lines. Then all is as before but for the secrets, which the host puts into
# guest memory before each run.
name=$1
secret=$2
shift 2

modprobe efi_secret
dmesg -C
rm -f /run/cores/*
"$@" >/run/fault.output 2>&1
echo "status $?"
[ -e "/sys/kernel/security/secrets/coco/$secret" ] && echo "secret"
[ -e "/run/cocosecret/volumes/$name.json" ] && echo "record"
dmsetup info -c --noheadings -o name "$name" >/dev/null 2>&1 && echo "mapped"
ls -A /run/cores
echo "lines"
dmesg -t
cat /run/fault.output

while dmsetup info "$name" >/dev/null 2>&1; do
	dmsetup udevcomplete_all -y >/dev/null
	dmsetup remove "$name" || sleep 0.1
done
rm -f "/run/cocosecret/volumes/$name.json"
rmmod efi_secret
