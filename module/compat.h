/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between kernels, found by Kbuild in their headers. */
#ifndef COCOSECRET_COMPAT_H
#define COCOSECRET_COMPAT_H

#include <linux/fs.h>

static inline void compat_touch(struct inode *inode)
{
#ifdef HAVE_INODE_SET_MTIME
	inode_set_mtime_to_ts(inode, inode_set_ctime_current(inode));
#else
	inode->i_mtime = inode->i_ctime = current_time(inode);
#endif
}

#endif
