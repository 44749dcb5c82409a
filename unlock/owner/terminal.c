// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "lib/cleanup.h"

/* One read from a terminal is never longer. */
enum { LINE_SIZE = 4096 };

static const int giving_up[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP };
enum { SIGNALS = sizeof(giving_up) / sizeof(*giving_up) };

struct terminal {
	int fd;
	sigset_t mask;
	struct termios before;
	struct sigaction actions[SIGNALS];
};

static void interrupt(int number)
{
	(void)number;
}

/* The echo is what must come back, however this ends. */
static int hide(struct terminal *terminal)
{
	const struct sigaction action = { .sa_handler = interrupt };
	struct termios hidden;
	sigset_t held;

	if (tcgetattr(terminal->fd, &terminal->before) < 0)
		return -errno;
	sigemptyset(&held);
	for (int i = 0; i < SIGNALS; i++)
		sigaddset(&held, giving_up[i]);
	sigprocmask(SIG_BLOCK, &held, &terminal->mask);
	for (int i = 0; i < SIGNALS; i++)
		sigaction(giving_up[i], &action, &terminal->actions[i]);
	hidden = terminal->before;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	hidden.c_lflag |= ICANON | ISIG;
	return tcsetattr(terminal->fd, TCSAFLUSH, &hidden) < 0 ? -errno : 0;
}

static void show(struct terminal *terminal)
{
	tcsetattr(terminal->fd, TCSAFLUSH, &terminal->before);
	for (int i = 0; i < SIGNALS; i++)
		sigaction(giving_up[i], &terminal->actions[i], NULL);
	sigprocmask(SIG_SETMASK, &terminal->mask, NULL);
}

static int say(int fd, const char *text)
{
	size_t length = strlen(text);

	return write(fd, text, length) == (ssize_t)length ? 0 : -EIO;
}

/* Signals are let in only while it waits: one between the question and the wait would be lost. */
static int read_line(const struct terminal *terminal, struct secret *line)
{
	struct pollfd typed = { .fd = terminal->fd, .events = POLLIN };
	ssize_t n;

	if (ppoll(&typed, 1, NULL, &terminal->mask) < 0)
		return -errno;
	n = read(terminal->fd, line->bytes, line->capacity);
	if (n <= 0)
		return n < 0 ? -errno : -EINTR;
	line->size = (size_t)n - (line->bytes[n - 1] == '\n');
	return 0;
}

int terminal_ask(const char *question, struct secret *answer)
{
	CLEANUP(close_fd) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	struct terminal terminal = { .fd = fd };
	int r = fd < 0 ? -errno : secret_allocate(answer, LINE_SIZE);

	if (r < 0)
		return r;
	r = hide(&terminal);
	if (r == 0)
		r = say(fd, question);
	if (r == 0)
		r = read_line(&terminal, answer);
	show(&terminal);
	say(fd, "\n");
	return r;
}
