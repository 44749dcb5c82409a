#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: agent.sh [PORT]
#
# Takes commands from a serial port, one a line: "NUMBER BASE64". Answers
# "@NUMBER STATUS BASE64". Runs in busybox and in any POSIX sh.
port=${1:-/dev/ttyS1}
output=/run/agent.output

exec 3<>"$port"
stty -F "$port" raw -echo
umask 077
echo '@ready' >&3
while read -r number command <&3; do
	command=$(echo "$command" | base64 -d)
	sh -c "$command" >$output 2>&1 </dev/null 3>&-
	echo "@$number $? $(base64 -w 0 <$output)" >&3
done
