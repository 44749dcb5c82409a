// SPDX-License-Identifier: GPL-2.0
/*
 * The securityfs face.
 *
 * securityfs changed what it pins (Linux 6.17, in part backported to stable
 * kernels), so what was made by it must be unmade by it: a file that was
 * unlinked stays, unhashed and wiped, until securityfs_remove() takes it down
 * with the folder. That is right whatever a kernel's own accounts are.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dcache.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uuid.h>

#include "compat.h"
#include "folder.h"

static void wipe(struct secret_file *file)
{
	struct secret_folder *folder = file->folder;
	u32 data = file->head + SECRET_HEAD_SIZE;

	mutex_lock(&folder->lock);
	secret_area_wipe(&folder->area, data, file->size);
	secret_area_wipe(&folder->area, file->head, SECRET_GUID_SIZE);
	file->size = 0;
	mutex_unlock(&folder->lock);
}

/*
 * Copies what of the reader's buffer is present, straight from the launch
 * page: no buffer of the kernel's ever holds the secret. It does not wait for
 * absent pages, lest a reader that never gets them hold up an unlink.
 * Returns what was copied; *wanted is what there was to copy.
 */
static size_t copy_present(struct secret_file *file, char __user *to,
			   size_t count, loff_t at, size_t *wanted)
{
	struct secret_folder *folder = file->folder;
	const u8 *data = folder->area.memory + file->head + SECRET_HEAD_SIZE;
	size_t missing = 0;

	mutex_lock(&folder->lock);
	*wanted = at < file->size ? min_t(size_t, count, file->size - at) : 0;
	if (*wanted) {
		pagefault_disable();
		missing = __copy_to_user_inatomic(to, data + at, *wanted);
		pagefault_enable();
	}
	mutex_unlock(&folder->lock);
	return *wanted - missing;
}

static ssize_t secret_read(struct file *opened, char __user *to, size_t count,
			   loff_t *at)
{
	struct secret_file *file = opened->private_data;
	size_t copied, wanted, done = 0;

	for (;;) {
		copied = copy_present(file, to + done, count - done, *at,
				      &wanted);
		done += copied;
		*at += copied;
		if (copied == wanted)
			return done;
		if (fatal_signal_pending(current))
			return done ? done : -EINTR;
		wanted -= copied;
		if (fault_in_writeable(to + done, wanted) == wanted)
			return done ? done : -EFAULT;
		cond_resched();
	}
}

/*
 * An open file holds the module. The VFS could see to that by .owner, but it
 * warns where it meets a module that is about to go; this only refuses.
 */
static int secret_open(struct inode *inode, struct file *opened)
{
	struct secret_file *file = inode->i_private;

	if (!READ_ONCE(file->folder->ready) || !try_module_get(THIS_MODULE))
		return -ENXIO;
	opened->private_data = file;
	return 0;
}

static int secret_release(struct inode *inode, struct file *opened)
{
	module_put(THIS_MODULE);
	return 0;
}

static const struct file_operations secret_file_operations = {
	.open = secret_open,
	.release = secret_release,
	.read = secret_read,
	.llseek = generic_file_llseek,
};

/* The caller, the VFS, holds the folder's lock and unhashes the name. */
static int secret_unlink(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = d_inode(dentry);

	wipe(inode->i_private);
	clear_nlink(inode);
	compat_touch(inode);
	compat_touch(dir);
	return 0;
}

static const struct inode_operations secret_folder_operations = {
	.lookup = simple_lookup,
	.unlink = secret_unlink,
};

static void set_operations(struct dentry *dentry,
			   const struct inode_operations *operations)
{
	struct inode *inode = d_inode(dentry);

	inode_lock(inode);
	inode->i_op = operations;
	inode_unlock(inode);
}

/*
 * An open that began before the inode forgot our code may sleep on its way
 * into it, and holds the dentry meanwhile. So does a path descriptor, for as
 * long as it likes: hence no more patience than this.
 */
static void wait_for_opens(const struct dentry *dentry, unsigned int *patience)
{
	while (d_count(dentry) > 1 && *patience) {
		msleep(10);
		--*patience;
	}
}

/*
 * Older kernels leave a name in place for as long as somebody holds it, and
 * then the folder above is not empty and stays too.
 */
static void remove_dentry(struct dentry *dentry, unsigned int *patience)
{
	if (!dentry)
		return;
	dget(dentry);
	securityfs_remove(dentry);
	d_drop(dentry);
	if (!d_is_dir(dentry))
		wait_for_opens(dentry, patience);
	dput(dentry);
}

static void remove_file(struct secret_file *file, unsigned int *patience)
{
	struct inode *inode = d_inode(file->dentry);
	struct inode *dir = d_inode(file->folder->coco);

	inode_lock(dir);
	if (d_unhashed(file->dentry)) {
		set_nlink(inode, 1);
		d_rehash(file->dentry);
	}
	/* A path descriptor may keep the inode: it must forget our code. */
	make_bad_inode(inode);
	inode_unlock(dir);
	remove_dentry(file->dentry, patience);
}

static int add_file(struct secret_folder *folder,
		    const struct secret_entry *entry)
{
	struct secret_file *file = &folder->files[folder->count];
	char name[UUID_STRING_LEN + 1];
	struct dentry *dentry;

	file->folder = folder;
	file->head = entry->offset - SECRET_HEAD_SIZE;
	file->size = entry->size;
	snprintf(name, sizeof(name), "%pUl", entry->guid);
	dentry = securityfs_create_file(name, 0440, folder->coco, file,
					&secret_file_operations);
	if (IS_ERR(dentry)) {
		pr_err("cannot create secrets/coco/%s: error %ld\n", name,
		       PTR_ERR(dentry));
		return PTR_ERR(dentry);
	}
	file->dentry = dentry;
	folder->count++;
	return 0;
}

static struct dentry *add_dir(const char *name, struct dentry *parent)
{
	struct dentry *dentry = securityfs_create_dir(name, parent);

	if (PTR_ERR_OR_ZERO(dentry) == -EEXIST)
		pr_err("securityfs has a folder %s already: another driver serves the secrets (the kernel's own efi_secret?); nothing changed\n",
		       name);
	else if (IS_ERR(dentry))
		pr_err("cannot create the folder %s in securityfs: error %ld\n",
		       name, PTR_ERR(dentry));
	return dentry;
}

static int add_dirs(struct secret_folder *folder)
{
	struct dentry *dentry = add_dir("secrets", NULL);

	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	folder->secrets = dentry;
	dentry = add_dir("coco", folder->secrets);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	folder->coco = dentry;
	return 0;
}

int secret_folder_create(struct secret_folder *folder,
			 const struct secret_table *table)
{
	int error;
	u32 i;

	mutex_init(&folder->lock);
	folder->files = kvcalloc(table->count, sizeof(*folder->files),
				 GFP_KERNEL);
	if (!folder->files)
		return -ENOMEM;
	error = add_dirs(folder);
	for (i = 0; !error && i < table->count; i++)
		error = add_file(folder, &table->entries[i]);
	if (error) {
		secret_folder_remove(folder);
		return error;
	}
	set_operations(folder->coco, &secret_folder_operations);
	WRITE_ONCE(folder->ready, true);
	return 0;
}

void secret_folder_wipe(struct secret_folder *folder)
{
	u32 i;

	for (i = 0; i < folder->count; i++)
		wipe(&folder->files[i]);
}

void secret_folder_remove(struct secret_folder *folder)
{
	unsigned int patience = 100;

	if (folder->coco)
		set_operations(folder->coco, &simple_dir_inode_operations);
	while (folder->count)
		remove_file(&folder->files[--folder->count], &patience);
	remove_dentry(folder->coco, &patience);
	remove_dentry(folder->secrets, &patience);
	folder->coco = NULL;
	folder->secrets = NULL;
	/* Until whoever is still in an open, a release or a lookup has left. */
	synchronize_rcu_tasks();
	kvfree(folder->files);
	folder->files = NULL;
}
