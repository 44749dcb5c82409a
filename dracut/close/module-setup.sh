#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# dracut module zz-cocosecret: closes the image to whoever sits at the console
# or brings disks along. Comes with the module cocosecret; its number makes it
# the last one, so that what any other module installed or wrote is closed too.
# shellcheck disable=SC2154 # dracut sets the variables

# What would run code, or resume a whole system, from a disk that nobody
# verified.
doors_for_disks=(
    systemd-hibernate-resume@.service systemd-hibernate-resume.service
    systemd-hibernate-resume-generator systemd-gpt-auto-generator
    systemd-run-generator systemd-system-update-generator
)
# What would give a shell, or ask a question, on a console.
doors_for_people=(
    debug-shell.service systemd-debug-generator dracut-cmdline-ask.service
    getty@.service serial-getty@.service console-getty.service
    container-getty@.service autovt@.service systemd-getty-generator
    systemd-ask-password-console.path systemd-ask-password-console.service
    systemd-ask-password-wall.path systemd-ask-password-wall.service
    systemd-ask-password-plymouth.path systemd-ask-password-plymouth.service
)
# Where a failed boot, or rd.break, would end. Not one unit with three names:
# sysinit.target, which the rescue target needs, conflicts with the first.
shells=(emergency.service rescue.service dracut-emergency.service)

check() {
    return 255
}

depends() {
    return 0
}

mask() {
    local name dir

    for name; do
        dir="$initdir/etc/systemd/system"
        [[ $name == *-generator ]] && dir+=-generators
        mkdir -p "$dir"
        ln -sfn /dev/null "$dir/$name"
    done
}

# dracut gives root an empty password in an image that is not host-only.
lock_accounts() {
    local passwd="$initdir/etc/passwd" shadow="$initdir/etc/shadow"

    sed -i 's/^\([^:]*\):[^:]*:/\1:x:/' "$passwd"
    rm -f "$shadow"
    (umask 077 && sed -n 's/^\([^:]\{1,\}\):.*/\1:!*:::::::/p' "$passwd" |
        sort -u > "$shadow")
}

# Nothing may be added to them by drop-ins, either.
close_shells() {
    local name

    inst_multiple false
    for name in "${shells[@]}"; do
        rm -rf "$initdir"/{,usr/}{etc,lib}/systemd/system/"$name"{,.d}
        inst_simple "$moddir/closed.service" "/etc/systemd/system/$name"
        inst_simple "$moddir/fail.conf" \
            "/etc/systemd/system/$name.d/zz-fail.conf"
    done
    rm -f "$initdir"/{usr/,}{sbin,bin}/sulogin \
        "$initdir"/{usr/,}lib/systemd/systemd-sulogin-shell
}

# Whoever gets a shell finds no secret, all the same.
wipe_before_shells() {
    local name

    for name in "${shells[@]}"; do
        inst_simple "$moddir/debug.conf" \
            "/etc/systemd/system/$name.d/50-cocosecret.conf"
    done
}

install() {
    mask "${doors_for_disks[@]}"
    rm -f "$initdir"/{usr/,}lib/dracut/{parse-resume,resume}.sh
    # Its name has a number before it, in an image without systemd.
    find "$initdir" -path "*/hooks/cmdline/*-parse-resume.sh" -delete
    if [[ ${cocosecret_debug-} == yes ]]; then
        dwarn "cocosecret: cocosecret_debug=yes: THIS IMAGE IS OPEN: whoever" \
            "sits at its console gets a shell and the root's contents"
        wipe_before_shells
        return 0
    fi
    mask "${doors_for_people[@]}"
    close_shells
    lock_accounts
}
