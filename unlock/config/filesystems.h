/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_FILESYSTEMS_H
#define COCOSECRET_FILESYSTEMS_H

/* What cocosecret-init mounts: file systems of which verify_root knows the devices. */
#define ROOT_FILE_SYSTEMS "ext4", "ext3", "ext2", "xfs", "btrfs", "squashfs"

/* Where a root says what it is made of: fstab(5). */
#define FSTAB_PATH "/etc/fstab"

#endif
