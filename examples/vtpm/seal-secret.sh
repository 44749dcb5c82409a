#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: seal-secret.sh POLICY-KEY [UUID] <SECRET >CREDENTIAL
#
# Seals a secret to the TPM of the machine that this runs in: for the firmware that
# started it (PCR 0, 2 and 7), and for the images that the owner of the policy key, whose
# public half is given, approves.
set -eu
umask 077

policy_key=$1
uuid=${2:-736869e5-84f0-4973-92ec-06879ce3da0b}
# systemd's type for such credentials, in base64.
kind=+vfrk0HjQSyhpDb5Wik2L

die() {
	echo "seal-secret: $*" >&2
	exit 1
}

# If a host adds one of its own, that may be the first.
[ "$(find /sys/class/tpm -name 'tpm[0-9]*' | wc -l)" = 1 ] ||
	die "not one TPM here, but none or several"
# systemd-creds would go on, with a warning, and bind nothing.
for pcr in 0 2 7; do
	file=/sys/class/tpm/tpm0/pcr-sha256/$pcr
	[ -r "$file" ] || die "no TPM 2.0 with SHA-256 PCRs here"
	case $(cat "$file") in
	*[!0Ff]*) ;;
	*) die "the firmware has not measured into PCR $pcr" ;;
	esac
done

sealed=$(systemd-creds encrypt --with-key=tpm2-with-public-key --name="$uuid" \
	--tpm2-device=/dev/tpmrm0 --tpm2-pcrs=0+2+7 --tpm2-public-key="$policy_key" \
	--tpm2-public-key-pcrs=4+9+15 - - | tr -d '\n')
case $sealed in
"$kind"*) printf '%s\n' "$sealed" ;;
*) die "systemd-creds has made no credential for a TPM with a signed policy" ;;
esac
