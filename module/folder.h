/* SPDX-License-Identifier: GPL-2.0 */
/* securityfs secrets/coco: one file a secret. */
#ifndef COCOSECRET_FOLDER_H
#define COCOSECRET_FOLDER_H

#include <linux/mutex.h>
#include <linux/types.h>

#include "area.h"
#include "table.h"

struct dentry;
struct secret_folder;

struct secret_file {
	struct secret_folder *folder;
	struct dentry *dentry;
	u32 head;	/* offset in the area */
	u32 size;	/* of the data behind the head; 0 once wiped */
};

struct secret_folder {
	struct mutex lock;	/* guards the area's bytes and each file's size */
	struct secret_area area;
	struct secret_file *files;
	u32 count;
	bool ready;		/* before, no file can be opened */
	struct dentry *secrets;
	struct dentry *coco;
};

/*
 * Makes the folder and a file for each entry of table, over folder->area.
 * Either all appear or none; errors as securityfs gives them, -EEXIST where
 * another driver has the folder.
 */
int secret_folder_create(struct secret_folder *folder,
			 const struct secret_table *table);

/* Wipes what is left of every secret; the files stay, empty. */
void secret_folder_wipe(struct secret_folder *folder);

/*
 * Removes it. No file may be open; whoever still holds the folder or a file
 * by a path descriptor or as working directory finds it dead.
 */
void secret_folder_remove(struct secret_folder *folder);

#endif
