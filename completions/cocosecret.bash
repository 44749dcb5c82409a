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

_cocosecret_commands()
{
	echo keygen table enroll seal verify rotate remove show initrd uki audit list status
}

_cocosecret_options()
{
	case $1 in
	keygen) echo -o --output -b --bytes -O --owner -f --force -q --quiet ;;
	'table build') echo -o --output -m --max -q --quiet ;;
	'table show') echo -j --json ;;
	'table check') echo -m --max ;;
	enroll | enrol) echo -H --header -p --partition -s --secret -n --name -d --key-file -N --new-key-file -a --also -S --sign-key -f --force -q --quiet ;;
	seal) echo -H --header -p --partition -s --secret -d --key-file -a --also -S --sign-key --to-sign --signature -O --owner -f --force -q --quiet ;;
	verify) echo -H --header -p --partition -s --secret -n --name -d --key-file -O --owner -j --json -q --quiet ;;
	rotate) echo -H --header -p --partition -s --secret -d --key-file -N --new-key-file -a --also -S --sign-key -f --force -q --quiet ;;
	remove) echo -H --header -p --partition -s --secret -t --token -d --key-file -a --also -S --sign-key -f --force -q --quiet ;;
	show) echo -H --header -p --partition -j --json ;;
	initrd) echo -o --output -l --list -k --kver -T --cocotab -H --header -O --owner -B --kbs -D --drivers -F --filesystems -M --modules -z --compress -I --init ;;
	uki) echo -o --output -K --kernel -i --initrd -c --cmdline --stub -S --sign-key -C --sign-cert -P --print-measurement ;;
	audit) echo -j --json -c --cmdline --closed-initramfs ;;
	list) echo -j --json --secrets ;;
	status) echo -j --json --secrets --state ;;
	esac
	echo -h --help
}

_cocosecret()
{
	local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
	local command=${COMP_WORDS[1]}

	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		_cocosecret_words "$(_cocosecret_commands) help -h --help -V --version"
		return
	fi
	if [ "$command" = help ]; then
		case $COMP_CWORD:$previous in
		2:*) _cocosecret_words "$(_cocosecret_commands)" ;;
		3:table) _cocosecret_words 'build show check' ;;
		esac
		return
	fi
	if [ "$command" = table ]; then
		if [ "$COMP_CWORD" = 2 ]; then
			_cocosecret_words 'build show check -h --help'
			return
		fi
		command="table ${COMP_WORDS[2]}"
	fi
	case $previous in
	--secret | -s) _cocosecret_words "$(_cocosecret_uuids)" ;;
	--bytes | -b) _cocosecret_words '32 64' ;;
	--compress | -z) _cocosecret_words 'zstd gzip xz none' ;;
	--max | -m) _cocosecret_words '3072 4096' ;;
	--name | -n | --also | -a | --token | -t | --partition | -p | --cmdline | -c) ;;
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
