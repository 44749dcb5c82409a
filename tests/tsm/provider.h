/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A provider of reports for configfs-tsm without a processor that makes any: it asks the host, on a
 * serial port of its own. tests/harness/tsm.py answers there; the protocol is in struct answer. A
 * report is as true as that host, so this is for tests only.
 */
#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/mm.h>
#include <linux/serial_reg.h>
#include <linux/tsm.h>
#include <linux/version.h>

/* The names of 6.12 are another thing's in newer kernels. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define report_ops tsm_report_ops
#define report_register tsm_report_register
#define report_unregister tsm_report_unregister
#else
#define report_ops tsm_ops
#define report_register tsm_register
#define report_unregister tsm_unregister
#endif

/* What both of the kernel's providers want, and the time that they give a host. */
#define INBLOB_SIZE 64
#define PATIENCE (60 * HZ)
/* Sizes that a test may try, but no memory that a mistake in one could take. */
#define BLOB_MAX (17 << 20)

/* A third serial port, which a driver leaves alone as long as nobody opens its device. */
static ushort port = 0x3e8;
module_param(port, ushort, 0444);
MODULE_PARM_DESC(port, "I/O port of the UART on which the host answers; 0: a machine of another kind");

/* After a request, which is the 64 bytes of an inblob; then come the two blobs. */
struct answer {
	__le32 error;      /* an errno, positive, or 0 */
	__le32 generation; /* by how much it is to go on, as if others had written, too */
	__le32 outblob;    /* their lengths */
	__le32 auxblob;
};

/*
 * The begin of the kernel's own struct tsm_report_state, in drivers/virt/coco/tsm.c and, later,
 * guest/report.c: no other way leads to a generation that moves at the worst moment.
 */
struct state {
	struct tsm_report report;
	unsigned long write_generation;
};

static bool wait_for(u8 bit)
{
	const unsigned long end = jiffies + PATIENCE;

	while (!(inb(port + UART_LSR) & bit)) {
		if (time_after(jiffies, end))
			return false;
		usleep_range(100, 200);
	}
	return true;
}

static void start_port(void)
{
	outb(0, port + UART_IER);
	outb(UART_LCR_DLAB, port + UART_LCR);
	outb(1, port + UART_DLL);
	outb(0, port + UART_DLM);
	outb(UART_LCR_WLEN8, port + UART_LCR);
	outb(UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT, port + UART_FCR);
	outb(UART_MCR_DTR | UART_MCR_RTS, port + UART_MCR);
}

static int send(const u8 *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (!wait_for(UART_LSR_THRE))
			return -ETIMEDOUT;
		outb(bytes[i], port + UART_TX);
	}
	return 0;
}

static int receive(void *to, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (!wait_for(UART_LSR_DR))
			return -ETIMEDOUT;
		((u8 *)to)[i] = inb(port + UART_RX);
	}
	return 0;
}

static int receive_blob(__le32 length, u8 **blob, size_t *size)
{
	int r;

	*size = le32_to_cpu(length);
	if (*size > BLOB_MAX)
		return -EFBIG;
	*blob = kvzalloc(*size, GFP_KERNEL);
	if (!*blob)
		return -ENOMEM;
	r = receive(*blob, *size);
	if (r) {
		kvfree(*blob);
		*blob = NULL;
	}
	return r;
}

/* Blobs that it has are freed by the kernel, also where it fails. */
static int new_report(struct tsm_report *report, void *data)
{
	struct answer answer;
	int r;

	if (report->desc.inblob_len != INBLOB_SIZE)
		return -EINVAL;
	r = send(report->desc.inblob, INBLOB_SIZE);
	if (!r)
		r = receive(&answer, sizeof(answer));
	if (!r && answer.error)
		r = -(int)le32_to_cpu(answer.error);
	if (!r)
		r = receive_blob(answer.outblob, &report->outblob, &report->outblob_len);
	if (!r)
		r = receive_blob(answer.auxblob, &report->auxblob, &report->auxblob_len);
	if (!r)
		container_of(report, struct state, report)->write_generation +=
			le32_to_cpu(answer.generation);
	return r;
}

static bool is_attribute_visible(int n)
{
	return n == TSM_REPORT_GENERATION || n == TSM_REPORT_PROVIDER ||
	       (PRIVILEGED && (n == TSM_REPORT_PRIVLEVEL || n == TSM_REPORT_PRIVLEVEL_FLOOR));
}

static bool is_blob_visible(int n)
{
	return n == TSM_REPORT_INBLOB || n == TSM_REPORT_OUTBLOB ||
	       (PRIVILEGED && n == TSM_REPORT_AUXBLOB);
}

static const struct report_ops ops = {
	.name = KBUILD_MODNAME,
	.report_new = new_report,
	.report_attr_visible = is_attribute_visible,
	.report_bin_attr_visible = is_blob_visible,
};

static int __init start(void)
{
	/* As the kernel's own on another machine. */
	if (!port)
		return -ENODEV;
	start_port();
	return report_register(&ops, NULL);
}

static void __exit end(void)
{
	report_unregister(&ops);
}

module_init(start);
module_exit(end);
MODULE_AUTHOR("The cocosecret authors");
MODULE_LICENSE("GPL");
