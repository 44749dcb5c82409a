// SPDX-License-Identifier: GPL-2.0
/*
 * In an initramfs of one program nobody else sends it a signal: after a while
 * this kills all but process 1, as the kernel does where memory is short.
 */
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>

enum { AFTER_S = 10 };

static void kill_all(struct work_struct *unused)
{
	struct task_struct *task;

	pr_emerg("kills all but process 1\n");
	rcu_read_lock();
	for_each_process(task)
		if (task->mm && task_tgid_nr(task) != 1)
			send_sig(SIGKILL, task, 1);
	rcu_read_unlock();
}
static DECLARE_DELAYED_WORK(work, kill_all);

static int __init killer_init(void)
{
	schedule_delayed_work(&work, AFTER_S * HZ);
	return 0;
}
module_init(killer_init);

MODULE_DESCRIPTION("Kills all but process 1, for tests");
MODULE_LICENSE("GPL");
