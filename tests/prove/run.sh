#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: run.sh ROOT [PROOF…]
#
# Runs CBMC of ROOT, see tests/root.sh, on every harness of this folder, or on those that are named;
# then once more for each line of mutations, with the code changed by it, which has to fail. What
# CBMC said is in ROOT.log.
set -eu

root=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
logs=$root.log
seconds=300
memory_kib=6000000
proved=0 failed=0 found=0 missed=0

in_root() {
	(
		# shellcheck disable=SC3045 # dash and bash have it
		ulimit -v "$memory_kib"
		exec nice -n 19 timeout -k 5 "$seconds" chroot "$root" env -i \
			PATH=/usr/bin:/bin LC_ALL=C sh -c 'cd /src && exec "$@"' sh "$@"
	)
}

# The source as it is, also after a mutation.
copy_source() {
	rm -rf "$root/src"
	mkdir -p "$root/src/tests"
	cp -r "$top/module" "$top/stub" "$top/unlock" "$root/src"
	cp -r "$here" "$root/src/tests"
}

# said PROOF WORD: the rest of the line of its head that begins with the word.
said() {
	sed -n "s|^ \\* $2: ||p" "$here/$1.c"
}

# Sets status to CBMC's, 0 where all properties hold and 10 where one does not, and took.
verify() {
	began=$(date +%s)
	status=0
	# shellcheck disable=SC2016,SC2046,SC2086 # the inner shell's parameters, and lists of words
	in_root sh -euc '
		proof=$1 instrument=$2
		shift 2
		goto-cc -std=gnu11 -D_GNU_SOURCE -DLIBEXEC_PATH=\"/\" -I. -Itests/prove -Imodule -Istub -Iunlock \
			-o proof "tests/prove/$proof.c"
		[ -z "$instrument" ] || goto-instrument $instrument proof proof
		exec cbmc "$@" proof' sh "$1" "$(said "$1" Instrument)" $(said "$1" CBMC) \
		>"$logs/$2" 2>&1 || status=$?
	took=$(($(date +%s) - began))
}

# A property that does not hold, the first of them; the end of a loop only where there is no other.
broken() {
	sed -n 's/^\[\([^]]*\)] .*: FAILURE$/\1/p' "$logs/$1" | awk '
		/\.unwind\./ { loop = loop ? loop : $0; next }
		{ print; other = 1; exit }
		END { if (!other) print loop }'
}

why() {
	case $status in
	10) echo "$(broken "$1") does not hold" ;;
	124 | 137) echo "no answer within $seconds s" ;;
	*) echo "cbmc ended with $status" ;;
	esac
}

prove() {
	verify "$1" "$1"
	if [ "$status" = 0 ]; then
		proved=$((proved + 1))
		verdict=proved
	else
		failed=$((failed + 1))
		verdict="FAILED: $(why "$1"), see $logs/$1"
	fi
	printf '%-14s %4d s  %s (%s)\n' "$1" "$took" "$verdict" "$(said "$1" Bound)"
}

# mutate PROOF NUMBER FILE SED: without the mutation the proof holds, so what fails is its doing.
mutate() {
	copy_source
	sed -i -e "$4" "$root/src/$3"
	if cmp -s "$top/$3" "$root/src/$3"; then
		status=none
		took=0
	else
		verify "$1" "$1.$2"
	fi
	case $status in
	10)
		found=$((found + 1))
		verdict="found by $(broken "$1.$2")"
		;;
	none)
		missed=$((missed + 1))
		verdict="MISSED: it changes nothing in $3"
		;;
	*)
		missed=$((missed + 1))
		verdict="MISSED: cbmc ended with $status, see $logs/$1.$2"
		;;
	esac
	printf '%-14s %4d s  %s: %s\n' "$1" "$took" "$verdict" "$4"
}

# Of one proof.
mutations() {
	number=0
	while read -r proof file expression; do
		[ "$proof" = "$1" ] || continue
		number=$((number + 1))
		mutate "$proof" "$number" "$file" "$expression"
	done <"$here/mutations"
	[ "$number" -gt 0 ] || {
		missed=$((missed + 1))
		echo "$1: has no line in $here/mutations"
	}
}

[ $# -gt 0 ] || set -- "$here"/*.c
mkdir -p "$logs"
for proof in "$@"; do
	proof=$(basename "$proof" .c)
	copy_source
	prove "$proof"
	mutations "$proof"
done
echo "$proved proved, $failed failed; $found mutations found, $missed missed"
[ "$failed" = 0 ] && [ "$missed" = 0 ]
