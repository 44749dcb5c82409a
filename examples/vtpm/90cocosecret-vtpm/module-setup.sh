#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# dracut module cocosecret-vtpm: the disk key out of a TPM. See README.md beside it.
# shellcheck disable=SC2154 # dracut sets the variables

check() {
    require_binaries systemd-creds cocosecret-unlock || return 1
    return 255
}

depends() {
    echo "cocosecret"
}

installkernel() {
    hostonly='' instmods -c tpm_tis tpm_crb
    return 0
}

# The host may put a secret of its own where the sealed one lies; what it lacks is the
# owner's signature on a disk.
has_owner() {
    compgen -G "${dracutsysrootdir-}/etc/cocosecret/owner.d/*.pem" > /dev/null
}

# systemd loads these by name, only when it needs them.
install_libraries() {
    local name

    for name in esys mu rc sys tcti-device; do
        if ! inst_libdir_file "libtss2-$name.so*"; then
            dfatal "cocosecret-vtpm: libtss2-$name is not installed"
            exit 1
        fi
    done
}

install() {
    local units=/etc/systemd/system

    if [[ ${cocosecret_debug-} == yes ]]; then
        dfatal "cocosecret-vtpm: with cocosecret_debug=yes the host could ask the TPM itself"
        exit 1
    fi
    if ! has_owner; then
        dfatal "cocosecret-vtpm: there is no owner's key in /etc/cocosecret/owner.d"
        exit 1
    fi
    inst_multiple systemd-creds cat dd mkdir mount mv sed sleep tr
    install_libraries
    inst_script "$moddir/unseal.sh" /usr/libexec/cocosecret-vtpm
    inst_simple "$moddir/cocosecret-vtpm.service" "$units/cocosecret-vtpm.service"
    mkdir -p "$initdir$units/cocosecret-unlock.service.wants"
    ln -sfn ../cocosecret-vtpm.service \
        "$initdir$units/cocosecret-unlock.service.wants/cocosecret-vtpm.service"
}
