// SPDX-License-Identifier: GPL-2.0-or-later
/* Linux, with the initramfs and the command line of this program and no others. */
#include "firmware.h"
#include "mark.h"

/* UEFI specification 2.10, 10.3.5.3 "Vendor-Defined Media Device Path" */
struct path {
	VENDOR_DEVICE_PATH vendor;
	EFI_DEVICE_PATH end;
} __attribute__((packed));

/* What the kernel asks for its initramfs: LINUX_EFI_INITRD_MEDIA_GUID, include/linux/efi.h */
#define INITRD_GUID { 0x5568e427, 0x68fc, 0x4f3d, { 0xac, 0x74, 0xca, 0x55, 0x52, 0x31, 0xcc, 0x68 } }
/* A name for what is in this program, which has no other. */
#define KERNEL_GUID { 0x0c0c05ec, 0x4e73, 0x4b1e, { 0x9d, 0x11, 0x6b, 0x3c, 0x55, 0x02, 0xaf, 0x70 } }
#define PATH(guid) { \
	.vendor = { { MEDIA_DEVICE_PATH, MEDIA_VENDOR_DP, { sizeof(VENDOR_DEVICE_PATH), 0 } }, guid }, \
	.end = { END_DEVICE_PATH_TYPE, END_ENTIRE_DEVICE_PATH_SUBTYPE, { sizeof(EFI_DEVICE_PATH), 0 } }, \
}

static struct path initrd_path = PATH(INITRD_GUID), kernel_path = PATH(KERNEL_GUID);
/* UEFI specification 2.10, 13.2 "Load File 2 Protocol" */
static EFI_GUID load_file2_guid = {
	0x4006c0c1, 0xfcb3, 0x403e, { 0x99, 0x6d, 0x4a, 0x6c, 0x87, 0x24, 0xe0, 0x6d }
};
static const struct payload *served;

static const char mark[] = WALL_MARK;

static EFI_STATUS EFIAPI load_initrd(EFI_LOAD_FILE_INTERFACE *self, EFI_DEVICE_PATH *path, BOOLEAN boot,
				     UINTN *size, void *buffer)
{
	BOOLEAN fits;

	if (!self || !path || boot || !size)
		return EFI_INVALID_PARAMETER;
	fits = buffer && *size >= served->initrd_size;
	*size = served->initrd_size;
	if (!fits)
		return EFI_BUFFER_TOO_SMALL;
	CopyMem(buffer, (void *)served->initrd, served->initrd_size);
	return EFI_SUCCESS;
}

static EFI_LOAD_FILE_INTERFACE initrd_file = { load_initrd };

/* Refused where somebody else serves one: which of them the kernel would take is not known. */
static void serve_initrd(const struct payload *payload)
{
	EFI_HANDLE handle = NULL;

	served = payload;
	need_success(BS->InstallMultipleProtocolInterfaces(&handle, &DevicePathProtocol, &initrd_path,
							   &load_file2_guid, &initrd_file, NULL),
		     "the initramfs cannot be offered");
}

static CHAR16 *load_options(const struct payload *payload, UINT32 *size)
{
	UINTN length = sizeof(mark) + payload->cmdline_size;
	CHAR16 *options = take_memory(EfiLoaderData, length * sizeof(*options)), *at = options;

	for (const char *c = mark; *c; c++)
		*at++ = (CHAR16)*c;
	for (UINTN i = 0; i < payload->cmdline_size; i++)
		*at++ = payload->cmdline[i];
	*size = (UINT32)(length * sizeof(*options));
	return options;
}

void start_kernel(EFI_HANDLE self, const struct payload *payload)
{
	EFI_LOADED_IMAGE *image;
	EFI_HANDLE kernel = NULL;

	serve_initrd(payload);
	need_success(BS->LoadImage(FALSE, self, (EFI_DEVICE_PATH *)&kernel_path, (void *)payload->kernel,
				   payload->kernel_size, &kernel), "the kernel cannot be loaded");
	need_success(BS->HandleProtocol(kernel, &LoadedImageProtocol, (void **)&image),
		     "the kernel is no loaded image");
	image->LoadOptions = load_options(payload, &image->LoadOptionsSize);
	need_success(BS->StartImage(kernel, NULL, NULL), "the kernel ended");
}
