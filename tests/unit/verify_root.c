// SPDX-License-Identifier: GPL-2.0-or-later
#include "root/verify_root.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "root/state.h"
#include "support.h"

/*
 * A made-up machine:
 *   254:0 dm-0 "root"    ours, on vda        9:0  md0   over dm-0 and dm-1
 *   254:1 dm-1 "data"    ours                9:1  md1   over dm-0 and vdb
 *   254:2 dm-2 "vg-root" over dm-0           259:1 md0p1, a partition of md0
 *   254:3 dm-3 "other"   a mapping of somebody else's, on vdb
 *   254:4 dm-4 "empty"   over nothing        7:0  loop0
 *   254:6 dm-6 "root"    made anew on vdb, with ours' name and UUID
 *   254:9 dm-9           over itself         253:16 vdb, with the partition vdb1, 253:17
 *   252:0 other0         of an unknown kind, over dm-0
 */
static const struct device {
	const char *number, *path, *name, *uuid, *slaves[3];
} devices[] = {
#define DM(number, path, name, uuid, slave) { number, path, name, uuid, { slave } }
#define MD(number, path, one, two) { number, path, NULL, NULL, { one, two } }
	DM("254:0", "dm-0", "root", "CRYPT-LUKS2-a-root", "vda"),
	DM("254:1", "dm-1", "data", "CRYPT-LUKS2-b-data", "vda"),
	DM("254:2", "dm-2", "vg-root", "LVM-x", "dm-0"),
	DM("254:3", "dm-3", "other", "CRYPT-LUKS2-c-other", "vdb"),
	DM("254:4", "dm-4", "empty", "", NULL),
	DM("254:5", "dm-5", "root", "CRYPT-LUKS2-forged-root", "vdb"),
	DM("254:6", "dm-6", "root", "CRYPT-LUKS2-a-root", "vdb"),
	DM("254:9", "dm-9", "circle", "", "dm-9"),
	MD("9:0", "md0", "dm-0", "dm-1"),
	MD("9:1", "md1", "dm-0", "vdb"),
	MD("259:1", "md0/md0p1", NULL, NULL),
	MD("252:0", "other0", "dm-0", NULL),
	MD("7:0", "loop0", NULL, NULL),
	MD("253:0", "vda", NULL, NULL),
	MD("253:16", "vdb", NULL, NULL),
	MD("253:17", "vdb/vdb1", NULL, NULL),
};

static int records;
static const char *meant = ""; /* the volume that the root must lie on */

static void make_folder(const char *path)
{
	assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
}

static void write_text(const char *folder, const char *name, const char *text)
{
	char path[300], line[100];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	snprintf(line, sizeof(line), "%s\n", text);
	write_file(path, line, strlen(line));
}

static void make_link(const char *target, const char *format, const char *a, const char *b)
{
	char path[200];

	snprintf(path, sizeof(path), format, a, b);
	assert_int_equal(symlink(target, path), 0);
}

static void make_device(const struct device *device)
{
	char folder[100], path[200], target[200];

	snprintf(folder, sizeof(folder), "sys/block/%s", device->path);
	make_folder(folder);
	write_text(folder, "dev", device->number);
	snprintf(target, sizeof(target), "../../block/%s", device->path);
	make_link(target, "sys/dev/block/%s%s", device->number, "");
	make_link(target, "sys/class/block/%s%s", strrchr(folder, '/') + 1, "");
	if (strchr(device->path, '/')) {
		write_text(folder, "partition", "1");
		return;
	}
	snprintf(path, sizeof(path), "%s/slaves", folder);
	make_folder(path);
	for (int i = 0; device->slaves[i]; i++) {
		snprintf(target, sizeof(target), "../../%s", device->slaves[i]);
		make_link(target, "%s/slaves/%s", folder, device->slaves[i]);
	}
	if (strncmp(device->path, "md", 2) == 0) {
		snprintf(path, sizeof(path), "%s/md", folder);
		make_folder(path);
	}
	if (!device->name)
		return;
	snprintf(path, sizeof(path), "%s/dm", folder);
	make_folder(path);
	write_text(path, "name", device->name);
	write_text(path, "uuid", device->uuid);
	write_text(folder, "diskseq", strcmp(device->path, "dm-6") == 0 ? "8" : "7");
}

static void record(const char *name, const char *dm_uuid)
{
	struct volume volume = { .secret = GUID_DISK_KEY };
	struct mapping_id mapping = { .diskseq = "7" };
	struct volume_record opened = { .mapping = &mapping };

	snprintf(volume.name, sizeof(volume.name), "%s", name);
	snprintf(mapping.dm_uuid, sizeof(mapping.dm_uuid), "%s", dm_uuid);
	assert_int_equal(state_add(records, &volume, &opened), 0);
}

static int make_machine(void **state)
{
	static const char *const folders[] = { "sys", "sys/block", "sys/dev", "sys/dev/block",
					       "sys/fs", "sys/fs/btrfs", "sys/fs/btrfs/good",
					       "sys/fs/btrfs/good/devices", "sys/fs/btrfs/half",
					       "sys/fs/btrfs/half/devices", "layers",
					       "sys/class", "sys/class/block", "jbd2" };

	if (enter_scratch(state) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		make_folder(folders[i]);
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++)
		make_device(&devices[i]);
	make_link("../../../../block/dm-0", "sys/fs/btrfs/%s/devices/%s", "good", "dm-0");
	make_link("../../../../block/dm-1", "sys/fs/btrfs/%s/devices/%s", "good", "dm-1");
	make_link("../../../../block/dm-0", "sys/fs/btrfs/%s/devices/%s", "half", "dm-0");
	make_link("../../../../block/vdb", "sys/fs/btrfs/%s/devices/%s", "half", "vdb");
	records = state_open("state");
	record("root", "CRYPT-LUKS2-a-root");
	record("data", "CRYPT-LUKS2-b-data");
	return 0;
}

static int leave_machine(void **state)
{
	meant = "";
	close_fd(&records);
	return leave_scratch(state);
}

/* The mount's ID says which file system it is. */
static bool fake_btrfs_id(const struct verify_mount *mount, char id[37])
{
	snprintf(id, 37, "%s", mount->id == 1 ? "good" : mount->id == 2 ? "half" : "gone");
	return mount->id < 4;
}

/* /link leads to /plain; /hidden cannot be seen. */
static char *fake_resolve(const char *path)
{
	if (strcmp(path, "/hidden") == 0)
		return NULL;
	return strdup(strcmp(path, "/link") == 0 ? "/plain/layer" : path);
}

static bool verified(const char *dir, const char *mountinfo)
{
	CLEANUP(verify_mounts_free) struct verify_mounts mounts = { 0 };
	struct verify_view view = { "sys", "jbd2", records, meant, fake_btrfs_id, fake_resolve };
	struct fault why = { "" };
	bool good;

	assert_int_equal(verify_mounts_parse(slice_of(mountinfo), &mounts, &why), 0);
	good = verify_tree(&view, &mounts, dir, &why);
	if (!good)
		print_message("    %s\n", why.text);
	return good;
}

#define LINE(id, device, point, rest) #id " 0 " device " / " point " rw shared:1 - " rest "\n"
#define EXT4(device, point) LINE(9, device, point, "ext4 /dev/x rw")
#define TMPFS(point) LINE(8, "0:21", point, "tmpfs tmpfs rw,size=1k")

static void a_mapping_of_this_boot_is_good_and_nothing_else(void **state)
{
	(void)state;
	assert_true(verified("/sysroot", EXT4("254:0", "/sysroot")));
	assert_true(verified("/sysroot", EXT4("253:16", "/") EXT4("254:0", "/sysroot")
			     EXT4("253:16", "/sysroot2")));
	assert_false(verified("/sysroot", EXT4("253:16", "/sysroot")));
	assert_false(verified("/sysroot", EXT4("253:17", "/sysroot")));
	assert_false(verified("/sysroot", EXT4("253:0", "/sysroot")));
	assert_false(verified("/sysroot", EXT4("7:0", "/sysroot")));
	assert_false(verified("/sysroot", EXT4("254:3", "/sysroot")));
	assert_false(verified("/sysroot", EXT4("254:5", "/sysroot")));
	assert_false(verified("/sysroot", EXT4("254:4", "/sysroot")));
	assert_false(verified("/sysroot", EXT4("254:6", "/sysroot")));
	assert_false(verified("/sysroot", EXT4("254:9", "/sysroot")));
	assert_false(verified("/sysroot", EXT4("8:0", "/sysroot")));
	assert_false(verified("/sysroot", EXT4("252:0", "/sysroot")));
}

static void a_stack_is_good_where_all_below_it_is(void **state)
{
	(void)state;
	assert_true(verified("/", EXT4("254:2", "/")));
	assert_true(verified("/", EXT4("9:0", "/")));
	assert_true(verified("/", EXT4("259:1", "/")));
	assert_false(verified("/", EXT4("9:1", "/")));
}

static void every_mount_below_counts(void **state)
{
	(void)state;
	assert_true(verified("/sysroot", EXT4("254:0", "/sysroot") TMPFS("/sysroot/run")
			     EXT4("254:1", "/sysroot/usr")));
	assert_false(verified("/sysroot", EXT4("254:0", "/sysroot") EXT4("253:16", "/sysroot/usr")));
	assert_false(verified("/sysroot", EXT4("253:16", "/sysroot") EXT4("254:0", "/sysroot")));
	assert_false(verified("/sysroot", EXT4("254:0", "/sysroot")
			      EXT4("253:16", "/sysroot/a\\040b")));
}

static void memory_or_nothing_is_no_root(void **state)
{
	(void)state;
	assert_false(verified("/sysroot", TMPFS("/sysroot")));
	assert_false(verified("/sysroot", LINE(1, "0:2", "/", "rootfs rootfs rw")));
	assert_false(verified("/sysroot", ""));
}

static void a_file_system_without_a_known_device_is_refused(void **state)
{
	(void)state;
	assert_false(verified("/", LINE(1, "0:40", "/", "nfs4 host:/x rw")));
	assert_false(verified("/", LINE(1, "0:40", "/", "virtiofs tag rw")));
	assert_false(verified("/", LINE(1, "0:40", "/", "fuse.tmpfs x rw")));
	assert_true(verified("/", LINE(1, "254:0", "/", "xfs /dev/x rw,attr2")));
	assert_false(verified("/", LINE(1, "254:0", "/", "xfs /dev/x rw,logdev=/dev/vdb")));
	assert_false(verified("/", LINE(1, "254:0", "/", "f2fs /dev/x rw")));
	assert_false(verified("/", LINE(1, "254:0", "/", "fuseblk /dev/x rw")));
}

static void a_journal_elsewhere_counts(void **state)
{
	(void)state;
	make_folder("jbd2/dm-0-8");
	assert_true(verified("/", EXT4("254:0", "/")));
	make_folder("jbd2/dm-1");
	assert_true(verified("/", EXT4("254:0", "/")));
	make_folder("jbd2/vdb");
	assert_false(verified("/", EXT4("254:0", "/")));
	assert_true(verified("/", LINE(1, "254:0", "/", "xfs /dev/x rw")));
	assert_true(rename("jbd2", "journals") == 0);
	assert_true(verified("/", EXT4("254:0", "/")));
}

static void btrfs_is_good_on_good_devices(void **state)
{
	(void)state;
	assert_true(verified("/", LINE(1, "0:30", "/", "btrfs /dev/x rw")));
	assert_false(verified("/", LINE(2, "0:30", "/", "btrfs /dev/x rw")));
	assert_false(verified("/", LINE(3, "0:30", "/", "btrfs /dev/x rw")));
	assert_false(verified("/", LINE(4, "0:30", "/", "btrfs /dev/x rw")));
}

#define OVERLAY(options) LINE(5, "0:50", "/sysroot", "overlay overlay rw," options)
#define PLACES EXT4("254:0", "/good") EXT4("253:16", "/plain") EXT4("254:1", "/a:b,c") TMPFS("/run")

static void every_layer_of_an_overlay_counts(void **state)
{
	(void)state;
	assert_true(verified("/sysroot", PLACES OVERLAY("lowerdir=/good/l,upperdir=/run/u,workdir=/run/w")));
	assert_true(verified("/sysroot", PLACES OVERLAY("lowerdir=/good/l:/good/m::/good/d")));
	assert_true(verified("/sysroot", PLACES OVERLAY("lowerdir+=/good/l,datadir+=/good/d")));
	assert_true(verified("/sysroot", PLACES OVERLAY("lowerdir=/a\\134:b\\054c/l")));
	assert_true(verified("/sysroot", EXT4("254:0", "/sysroot") TMPFS("/run")
			     OVERLAY("lowerdir=/sysroot,upperdir=/run/u,workdir=/run/w")));
	assert_false(verified("/sysroot", PLACES OVERLAY("lowerdir=/good/l:/plain/l")));
	assert_false(verified("/sysroot", PLACES OVERLAY("lowerdir=/good/l,upperdir=/plain/u,workdir=/run/w")));
	assert_false(verified("/sysroot", PLACES OVERLAY("lowerdir=/good/l,upperdir=/run/u,workdir=/plain/w")));
	assert_false(verified("/sysroot", PLACES OVERLAY("lowerdir+=/good/l,datadir+=/plain/d")));
	assert_false(verified("/sysroot", TMPFS("/") PLACES OVERLAY("lowerdir=/link")));
	assert_false(verified("/sysroot", TMPFS("/") PLACES OVERLAY("lowerdir=/hidden")));
	assert_false(verified("/sysroot", PLACES OVERLAY("lowerdir=good/l")));
	assert_false(verified("/sysroot", PLACES OVERLAY("upperdir=/run/u,workdir=/run/w")));
	assert_false(verified("/sysroot", PLACES OVERLAY("index=off")));
	assert_false(verified("/sysroot", PLACES OVERLAY("lowerdir=/run/l,upperdir=/run/u,workdir=/run/w")));
	assert_false(verified("/sysroot", EXT4("253:16", "/sysroot") OVERLAY("lowerdir=/sysroot")));
}

#define MEMORY LINE(1, "0:2", "/", "rootfs rootfs rw")

#define MOVED(lower) MEMORY lower TMPFS("/sysroot/media/root-rw") \
	OVERLAY("lowerdir=/media/root-ro,upperdir=/media/root-rw/overlay,workdir=/media/root-rw/work")

/* initramfs-tools' overlayroot moves both below the new root; their old places are empty folders. */
static void layers_that_were_moved_are_looked_for_among_all_mounts(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		meant = i ? "root" : "";
		assert_true(verified("/sysroot", MOVED(EXT4("254:0", "/sysroot/media/root-ro"))));
		assert_true(verified("/sysroot", MOVED(EXT4("254:0", "/mnt"))));
		assert_false(verified("/sysroot", MOVED(EXT4("253:16", "/sysroot/media/root-ro"))));
		assert_false(verified("/sysroot", MOVED(EXT4("254:0", "/sysroot/media/root-ro")
							EXT4("253:16", "/mnt"))));
		assert_false(verified("/sysroot", MOVED(EXT4("254:0", "/mnt")
							LINE(9, "0:60", "/net", "9p host rw"))));
		assert_false(verified("/sysroot", MOVED("")));
	}
	assert_false(verified("/sysroot", MOVED(EXT4("254:1", "/sysroot/media/root-ro"))));
	assert_true(verified("/sysroot", MOVED(EXT4("254:1", "/a") EXT4("254:0", "/mnt"))));
}

static void overlays_on_overlays_end(void **state)
{
	(void)state;
	assert_true(verified("/sysroot", PLACES LINE(6, "0:51", "/mid", "overlay o rw,lowerdir=/good")
			     OVERLAY("lowerdir=/mid")));
	assert_false(verified("/sysroot", PLACES LINE(6, "0:51", "/mid", "overlay o rw,lowerdir=/plain")
			      OVERLAY("lowerdir=/mid")));
	assert_false(verified("/sysroot", PLACES LINE(6, "0:51", "/mid", "overlay o rw,lowerdir=/sysroot")
			      OVERLAY("lowerdir=/mid")));
}


static void another_volume_of_this_boot_is_not_the_root(void **state)
{
	(void)state;
	assert_true(verified("/sysroot", MEMORY EXT4("254:1", "/sysroot")));
	meant = "root";
	assert_true(verified("/sysroot", MEMORY EXT4("254:0", "/sysroot")));
	assert_false(verified("/sysroot", MEMORY EXT4("254:1", "/sysroot")));
	assert_false(verified("/sysroot", EXT4("254:1", "/sysroot")));
	assert_false(verified("/", EXT4("254:1", "/")));
	assert_false(verified("/sysroot", MEMORY EXT4("254:1", "/sysroot") EXT4("254:0", "/sysroot/usr")));
	assert_true(verified("/sysroot", MEMORY EXT4("254:0", "/sysroot") EXT4("254:1", "/sysroot/usr")));
	assert_false(verified("/sysroot", MEMORY EXT4("254:0", "/sysroot") EXT4("254:1", "/sysroot")));
	meant = "data";
	assert_false(verified("/sysroot", MEMORY EXT4("254:0", "/sysroot")));
	assert_true(verified("/sysroot", MEMORY EXT4("254:1", "/sysroot")));
	meant = "not open";
	assert_false(verified("/sysroot", MEMORY EXT4("254:0", "/sysroot")));
}

static void a_part_of_the_root_on_its_volume_is_enough(void **state)
{
	(void)state;
	meant = "data";
	assert_true(verified("/sysroot", MEMORY EXT4("9:0", "/sysroot")));
	assert_true(verified("/sysroot", MEMORY EXT4("259:1", "/sysroot")));
	assert_false(verified("/sysroot", MEMORY EXT4("9:1", "/sysroot")));
	assert_false(verified("/sysroot", MEMORY EXT4("254:2", "/sysroot")));
	assert_true(verified("/sysroot", MEMORY LINE(1, "0:30", "/sysroot", "btrfs /dev/x rw")));
	make_folder("jbd2/dm-1");
	assert_false(verified("/sysroot", MEMORY EXT4("254:0", "/sysroot")));
}

static void a_layer_of_the_root_on_its_volume_is_enough(void **state)
{
	(void)state;
	meant = "root";
	assert_true(verified("/sysroot", MEMORY PLACES OVERLAY("lowerdir=/good/l,upperdir=/run/u,workdir=/run/w")));
	assert_true(verified("/sysroot", MEMORY PLACES OVERLAY("lowerdir=/a\\134:b\\054c/l:/good/l")));
	assert_false(verified("/sysroot", MEMORY PLACES OVERLAY("lowerdir=/a\\134:b\\054c/l")));
	assert_false(verified("/sysroot", MEMORY PLACES OVERLAY("lowerdir=/a\\134:b\\054c/l")
			      EXT4("254:0", "/sysroot/usr")));
	assert_true(verified("/sysroot", MEMORY PLACES LINE(6, "0:51", "/mid", "overlay o rw,lowerdir=/good")
			     OVERLAY("lowerdir=/mid")));
}

static void beside_a_root_that_is_up_any_volume_will_do(void **state)
{
	(void)state;
	meant = "root";
	assert_true(verified("/home", EXT4("254:0", "/") EXT4("254:1", "/home")));
	assert_true(verified("/home", EXT4("254:2", "/") EXT4("254:1", "/home")));
	assert_false(verified("/home", EXT4("254:1", "/") EXT4("254:1", "/home")));
	assert_false(verified("/home", EXT4("253:16", "/") EXT4("254:1", "/home")));
	assert_false(verified("/home", EXT4("254:0", "/") MEMORY EXT4("254:1", "/home")));
	assert_false(verified("/home", EXT4("254:0", "/") EXT4("253:16", "/home")));
	assert_false(verified("/", EXT4("254:1", "/")));
}

static void what_is_no_mountinfo_is_refused(void **state)
{
	static const char *const bad[] = {
		"\n", "x\n", "1 2 3:4 / /p rw\n", "1 2 3:4 / /p rw shared:1\n",
		"1 2 3 / /p rw - ext4 /dev/x rw\n", "1 2 3:4x / /p rw - ext4 /dev/x rw\n",
		"x 2 3:4 / /p rw - ext4 /dev/x rw\n", "1 2 3:4 / p rw - ext4 /dev/x rw\n",
		"1 2 3:4 / /p rw - ext4\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CLEANUP(verify_mounts_free) struct verify_mounts mounts = { 0 };
		struct fault fault;

		assert_int_equal(verify_mounts_parse(slice_of(bad[i]), &mounts, &fault), -EINVAL);
	}
}

static void a_source_may_be_empty(void **state)
{
	(void)state;
	assert_true(verified("/", EXT4("254:0", "/") "7 1 0:9 / /x rw - tmpfs  rw\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_machine, leave_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_mapping_of_this_boot_is_good_and_nothing_else),
		TEST(a_stack_is_good_where_all_below_it_is),
		TEST(every_mount_below_counts),
		TEST(memory_or_nothing_is_no_root),
		TEST(a_file_system_without_a_known_device_is_refused),
		TEST(a_journal_elsewhere_counts),
		TEST(btrfs_is_good_on_good_devices),
		TEST(every_layer_of_an_overlay_counts),
		TEST(layers_that_were_moved_are_looked_for_among_all_mounts),
		TEST(overlays_on_overlays_end),
		TEST(another_volume_of_this_boot_is_not_the_root),
		TEST(a_part_of_the_root_on_its_volume_is_enough),
		TEST(a_layer_of_the_root_on_its_volume_is_enough),
		TEST(beside_a_root_that_is_up_any_volume_will_do),
		TEST(what_is_no_mountinfo_is_refused),
		TEST(a_source_may_be_empty),
	};

	return cmocka_run_group_tests_name("verify_root", tests, NULL, NULL);
}
