/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the stub writes before the command line that it carries: user space cannot see otherwise whose
 * tables the kernel has, and no host writes there.
 */
#ifndef STUB_MARK_H
#define STUB_MARK_H

#define WALL_PARAMETER "cocosecret.wall"
#define WALL_MARK WALL_PARAMETER "=1 "

#endif
