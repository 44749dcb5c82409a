#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: unseal.sh UUID|close
#
# Has the TPM open the secret for cocosecret-unlock, and sees to it, however that ends,
# that the TPM will not do so again before the machine restarts; close does only the
# latter. The partition is the host's to write.
set -u
umask 077
export TSS2_LOG=all+NONE

uuid=$1 # or close
partition=/dev/disk/by-partlabel/cocosecret-vtpm
tpm=/dev/tpmrm0
pcrs=/sys/class/tpm/tpm0/pcr-sha256
sealed=/run/cocosecret-vtpm
secrets=/run/cocosecret/secrets
# How a credential for a TPM with a signed policy begins, in base64: the 16 bytes of its
# type. systemd would open others too, one with no key among them.
kind=+vfrk0HjQSyhpDb5Wik2L
# TPM2_PCR_Extend of PCR 15 with an empty authorisation and, in the place of a SHA-256
# digest, 32 letters (TPM 2.0, part 3); and what PCR 15 then is.
extend='\200\2\0\0\0\101\0\0\1\202\0\0\0\17\0\0\0\11\100\0\0\11\0\0\0\0\0\0\0\0\1\0\13'
letters='cocosecret: this boot has a key.'
closed=871B0A0BAFD09437CB262619FB1CD502DD43567C4E5AC3277F8EAD66DA6977B0

say() {
	echo "<$1>cocosecret: vtpm: $2" >/dev/kmsg
}

die() {
	say 3 "$* (exit 3)"
	exit 3
}

# Ten seconds or more: a disk may be late, and nobody waits for the root for ever.
wait_for() {
	tries=0
	until [ -e "$1" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 50 ] || return 1
		sleep 0.2
	done
}

pcr() {
	cat "$pcrs/$1" 2>/dev/null
}

# To compare with what approve-image said; never to sign.
say_pcrs() {
	for number in 0 2 7 4 9 15; do
		say 3 "PCR $number is $(pcr "$number")"
	done
}

open_ramfs() {
	mkdir -p "$sealed" "$secrets" &&
		mount -t ramfs -o mode=700,nosuid,nodev,noexec ramfs "$secrets"
}

# The first two lines: a credential, and the owner's approvals of images.
read_partition() {
	dd if="$partition" of="$sealed/text" bs=64k count=1 2>/dev/null
	sed -n 1p "$sealed/text" >"$sealed/$uuid"
	sed -n 2p "$sealed/text" >"$sealed/approved"
}

is_of_kind() {
	begin=
	IFS= read -r begin <"$sealed/$uuid"
	[ "${begin#"$kind"}" != "$begin" ]
}

is_closed() {
	[ "$(pcr 15)" = "$closed" ]
}

close_tpm() {
	is_closed && return
	# shellcheck disable=SC2059 # one write with all of the command
	printf "$extend$letters" | dd of="$tpm" bs=65 count=1 iflag=fullblock conv=notrunc \
		2>/dev/null
	is_closed
}

if [ "$uuid" = close ]; then
	close_tpm
	exit
fi

if ! wait_for "$tpm" || ! wait_for "$pcrs/15"; then
	die "no TPM 2.0 with SHA-256 PCRs"
fi
wait_for "$partition" || die "no partition is called cocosecret-vtpm"
open_ramfs || die "$secrets cannot be mounted"
read_partition
is_of_kind || die "no credential for a TPM with a signed policy is on $partition"
if ! why=$(systemd-creds decrypt --name="$uuid" --tpm2-device="$tpm" \
	--tpm2-signature="$sealed/approved" "$sealed/$uuid" "$secrets/.$uuid" 2>&1); then
	say_pcrs
	die "the TPM does not give the secret: $(echo "$why" | tr -c '[:print:]' ' ')"
fi
close_tpm || die "PCR 15 cannot be extended: the TPM would give the secret again"
rm -r "$sealed"
mv "$secrets/.$uuid" "$secrets/$uuid"
say 5 "the TPM has given the secret $uuid, and will not again in this boot"
