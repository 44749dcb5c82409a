# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots real guests under QEMU and asks them what they see. No tests are here.

place     where things are, and shared artefacts built once
accel     KVM or TCG, found out by trying
packages  what is fetched from Debian: kernel, AmdSev firmware, root
firmware  stock OVMF with the stand-in, or AmdSev OVMF
table     secret tables, good and bad
image     the guest's root and its encrypted disk
initrd    initramfs images: dracut's, and a tiny one for the module
qemu      the running machine
hostvm    guests whose host says all that it can
rootvm    a guest with the encrypted root; modulevm: one for the module alone
memory    looking for secrets in a dump of its memory
expect    what a test asserts of a guest
intruder  a root that the host brought along
units     systemd's in the initramfs, and how they report
known     UUIDs and names that all of these agree on
unlocker  the unlocker on this machine, without a guest
documents the commands and files that the documents show
"""
