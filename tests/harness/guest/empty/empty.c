// SPDX-License-Identifier: GPL-2.0
/* Does nothing: what loading any module costs. */
#include <linux/module.h>

static int __init empty_init(void)
{
	return 0;
}
module_init(empty_init);

static void __exit empty_exit(void)
{
}
module_exit(empty_exit);

MODULE_DESCRIPTION("Nothing, for measuring");
MODULE_LICENSE("GPL");
