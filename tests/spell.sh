#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: spell.sh
#
# Prints each misspelled word of the documents, and each common misspelling in
# documents, messages and comments; fails if there is one. A right word that
# aspell does not know belongs into tests/words.
set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8

# Without what no list of words has: genitives, and numbers in any form.
plain() {
	sed -e "s/'s\\>//g" -e 's/[[:alnum:]_.-]*[0-9][[:alnum:]_.-]*/ /g'
}

# The running text of a manual page: no examples, no lines of macros.
page_text() {
	sed -e '/^\.Bd -literal/,/^\.Ed/d' -e 's/^\.\(Nd\|Ss\) //' \
		-e '/^\./d' -e 's/\\[-e&~]/ /g' "$1"
}

# $1: a document.
unknown() {
	case $1 in
	*.md)
		plain <"$1" | aspell --mode=markdown --lang=en_GB list
		;;
	*)
		page_text "$1" | plain | aspell --mode=none --lang=en_GB list
		;;
	esac | sort -u | comm -23 - tests/words
}

fault=
for document in *.md examples/*/README.md man/*.[1-8]; do
	for word in $(unknown "$document"); do
		echo "$document: $word"
		fault=yes
	done
done

# Nd is a macro of manual pages; sSee is "%s" before a word; tests misspell
# a parameter, and write what lvm writes.
codespell --ignore-words-list=nd,ssee,timout,resizeable,crate --skip=tests/fuzz/corpus,tests/words \
	./*.md Makefile completions debian/control doc/*.md dracut examples initramfs-tools \
	man module packaging.mk rpm tests unlock || fault=yes
[ -z "$fault" ]
