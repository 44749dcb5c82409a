// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * In place of libraries that libcryptsetup's and libkmod's libraries are linked with, and of which
 * nothing runs in an image of cocosecret initrd: libdevmapper's statistics (libm), its labels
 * (libselinux) and its udev, libkmod's compressed modules. Who calls what should not be called
 * dies, which ends the boot.
 */
#define ABSENT(name)                                 \
	void absent_##name(void) __asm__(#name);     \
	void absent_##name(void)                     \
	{                                            \
		__builtin_trap();                    \
	}

ABSENT(floorl)
ABSENT(log10)
ABSENT(lround)
ABSENT(nearbyintl)

ABSENT(freecon)
ABSENT(lsetfilecon)
ABSENT(matchpathcon)
ABSENT(selabel_close)
ABSENT(selabel_lookup)
ABSENT(selabel_open)
ABSENT(setfscreatecon)

ABSENT(ZSTD_DStreamOutSize)
ABSENT(ZSTD_createDStream)
ABSENT(ZSTD_decompressStream)
ABSENT(ZSTD_freeDStream)
ABSENT(ZSTD_getErrorName)
ABSENT(ZSTD_initDStream)
ABSENT(ZSTD_isError)

ABSENT(lzma_code)
ABSENT(lzma_end)
ABSENT(lzma_stream_decoder)

/* No policy is loaded. */
int is_selinux_enabled(void);
int is_selinux_enabled(void)
{
	return 0;
}

/* No udev runs. */
void *udev_new(void);
void *udev_new(void)
{
	static char udev;

	return &udev;
}

void *udev_queue_new(void *udev);
void *udev_queue_new(void *udev)
{
	return udev;
}

int udev_queue_get_udev_is_active(void *queue);
int udev_queue_get_udev_is_active(void *queue)
{
	(void)queue;
	return 0;
}

void *udev_queue_unref(void *queue);
void *udev_queue_unref(void *queue)
{
	(void)queue;
	return (void *)0;
}

void *udev_unref(void *udev);
void *udev_unref(void *udev)
{
	(void)udev;
	return (void *)0;
}
