# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# bash completion for cocosecret(1) and cocosecret-unlock(8)

# The disk key's, as GRUB, libvirt and sevctl have it, and what this guest has.
_cocosecret_uuids()
{
	echo 736869e5-84f0-4973-92ec-06879ce3da0b
	ls /sys/kernel/security/secrets/coco 2>/dev/null
}

_cocosecret_words()
{
	# shellcheck disable=SC2207 # none of them has a space
	COMPREPLY=($(compgen -W "$1" -- "$cur"))
}

_cocosecret_files()
{
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

_cocosecret_options()
{
	case $1 in
	keygen) echo --output --bytes --owner --force --quiet ;;
	'table build') echo --output --max --quiet ;;
	'table check') echo --max ;;
	enroll) echo --header --partition --secret --name --key-file --new-key-file --also --sign-key --force --quiet ;;
	seal) echo --header --partition --secret --key-file --also --sign-key --to-sign --signature --owner --force --quiet ;;
	verify) echo --header --partition --secret --name --key-file --owner --quiet ;;
	rotate) echo --header --partition --secret --key-file --new-key-file --also --sign-key --force --quiet ;;
	initrd) echo --output --list --kver --cocotab --header --owner --drivers --filesystems --modules --compress --init ;;
	uki) echo --output --kernel --initrd --cmdline --stub --sign-key --sign-cert --print-measurement ;;
	audit) echo --json --cmdline --closed-initramfs ;;
	list) echo --json --secrets ;;
	status) echo --json --secrets --state ;;
	esac
	echo --help
}

_cocosecret()
{
	local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
	local command=${COMP_WORDS[1]}

	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		_cocosecret_words 'keygen table enroll seal verify rotate initrd uki audit list status --help --version'
		return
	fi
	if [ "$command" = table ]; then
		if [ "$COMP_CWORD" = 2 ]; then
			_cocosecret_words 'build show check --help'
			return
		fi
		command="table ${COMP_WORDS[2]}"
	fi
	case $previous in
	--secret) _cocosecret_words "$(_cocosecret_uuids)" ;;
	--bytes) _cocosecret_words '32 64' ;;
	--compress) _cocosecret_words 'zstd gzip xz none' ;;
	--max) _cocosecret_words '3072 4096' ;;
	--name | --also | --cmdline) ;;
	*)
		case $command:$cur in
		*:-*) _cocosecret_words "$(_cocosecret_options "$command")" ;;
		*) _cocosecret_files ;;
		esac
		;;
	esac
}

_cocosecret_unlock()
{
	local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}

	COMPREPLY=()
	case $previous in
	--cocotab | --cmdline | verify-root | root-mounted | hand-over) _cocosecret_files ;;
	*) _cocosecret_words 'verify-root root-mounted hand-over wipe wipe-rest fail on-failure
		explain-root load-ciphers --cocotab --cmdline --help --version' ;;
	esac
}

complete -F _cocosecret cocosecret
complete -F _cocosecret_unlock cocosecret-unlock
