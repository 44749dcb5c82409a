// SPDX-License-Identifier: GPL-2.0
/*
 * A machine whose host does not carry out a power-off: the kernel's attempt
 * comes back, as it does where the host plays with the ACPI registers.
 */
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/reboot.h>

static struct sys_off_handler *handler;

static int ignore(struct sys_off_data *data)
{
	pr_emerg("the host ignores the power-off\n");
	return NOTIFY_STOP;
}

static int __init nopoweroff_init(void)
{
	handler = register_sys_off_handler(SYS_OFF_MODE_POWER_OFF,
					   SYS_OFF_PRIO_FIRMWARE + 1, ignore,
					   NULL);
	return PTR_ERR_OR_ZERO(handler);
}
module_init(nopoweroff_init);

MODULE_DESCRIPTION("Power-off without effect, for tests");
MODULE_LICENSE("GPL");
