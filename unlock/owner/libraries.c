// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/libraries.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/file.h"

#define STAND_IN LIBEXEC_PATH "/cocosecret-absent.so"

enum { PATH_SIZE = 4096, NAME_SIZE = 256 };

/* What the libraries of cocosecret-init are linked with for work that it has none of. */
static const char *const absent[] = { "libm.so.6", "libselinux.so.1", "libudev.so.1", "libzstd.so.1",
				      "liblzma.so.5" };
#define COUNT(list) (sizeof(list) / sizeof(*(list)))

struct libraries {
	struct tree *tree;
	const char *program;
	char loader[NAME_SIZE], folder[PATH_SIZE];
};

/* A line of the loader's: a path, or NULL and what it complains of. */
typedef int take_line(struct libraries *libraries, const char *path, const char *line,
		      struct fault *fault);

/*
 * The loader that a program names for itself, ELF gABI "Program Interpreter": 0, -ENOENT where the
 * program needs none, -ENOEXEC where it is none of this machine's.
 */
static int find_loader(int fd, char loader[NAME_SIZE])
{
	ElfW(Ehdr) head;
	ElfW(Phdr) part;

	if (file_read_at(fd, &head, sizeof(head), 0) < 0 || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
	    head.e_phentsize != sizeof(part))
		return -ENOEXEC;
	for (size_t i = 0; i < head.e_phnum; i++) {
		if (file_read_at(fd, &part, sizeof(part), head.e_phoff + i * sizeof(part)) < 0)
			return -ENOEXEC;
		if (part.p_type != PT_INTERP)
			continue;
		if (part.p_filesz == 0 || part.p_filesz > NAME_SIZE ||
		    file_read_at(fd, loader, part.p_filesz, part.p_offset) < 0 ||
		    loader[part.p_filesz - 1] != '\0')
			return -ENOEXEC;
		return 0;
	}
	return -ENOENT;
}

/*
 * Which libraries it would load; the program itself does not start. With stand-ins, also which
 * symbols are nowhere, which --list does not tell. See ld.so(8), and ldd(1), -r.
 */
static _Noreturn void become_loader(const struct libraries *libraries, bool stands_in, int out)
{
	char *const loader = (char *)libraries->loader, *const program = (char *)libraries->program;
	char *const list[] = { loader, "--list", program, NULL }, *const nothing[] = { NULL };
	char *const trace[] = { loader, "--library-path", (char *)libraries->folder, program, NULL };
	char *const traced[] = { "LD_TRACE_LOADED_OBJECTS=1", "LD_WARN=1", "LD_BIND_NOW=1", NULL };

	dup2(out, STDOUT_FILENO);
	if (stands_in)
		dup2(out, STDERR_FILENO);
	execve(loader, stands_in ? trace : list, stands_in ? traced : nothing);
	_exit(127);
}

static FILE *ask_loader(const struct libraries *libraries, bool stands_in, pid_t *pid)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return NULL;
	*pid = fork();
	if (*pid == 0)
		become_loader(libraries, stands_in, ends[1]);
	close(ends[1]);
	return fdopen(ends[0], "r");
}

/* Its lines on libraries begin with a tab. */
static int take(struct libraries *libraries, char *line, take_line *each, struct fault *fault)
{
	char *path = line[0] == '\t' && !strstr(line, "not found") ? strchr(line, '/') : NULL, *end;

	line[strcspn(line, "\n")] = '\0';
	if (!path)
		return line[0] == '\t' && strstr(line, "vdso") ? 0 : each(libraries, NULL, line, fault);
	end = strchr(path, ' ');
	if (end)
		*end = '\0';
	return each(libraries, path, line, fault);
}

static int each_library(struct libraries *libraries, bool stands_in, take_line *each,
			struct fault *fault)
{
	char line[PATH_SIZE];
	int status, r = 0;
	pid_t pid = -1;
	FILE *lines = ask_loader(libraries, stands_in, &pid);

	while (lines && r == 0 && fgets(line, sizeof(line), lines))
		r = take(libraries, line, each, fault);
	if (lines)
		fclose(lines);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status)) {
		if (r == 0)
			r = fault_set(fault, "%s: cannot be asked for libraries", libraries->loader);
	}
	return r;
}

static int add(struct libraries *libraries, const char *path, const char *source, const char *why,
	       struct fault *fault)
{
	int r = tree_add_file(libraries->tree, path + strspn(path, "/"), source, 0755, why);

	if (r < 0)
		fault_set(fault, "%s: %s", source, strerror(-r));
	return r;
}

static bool is_absent(const char *path)
{
	for (size_t i = 0; i < COUNT(absent); i++)
		if (strcmp(strrchr(path, '/') + 1, absent[i]) == 0)
			return true;
	return false;
}

static int refuse_complaint(struct libraries *libraries, const char *path, const char *line,
			    struct fault *fault)
{
	(void)libraries;
	return path ? 0 : fault_set(fault, "%s", line + strspn(line, "\t"));
}

static int add_library(struct libraries *libraries, const char *path, const char *line,
		       struct fault *fault)
{
	int r = refuse_complaint(libraries, path, line, fault);

	return r ? r : add(libraries, path, path, "a program needs it", fault);
}

static int add_present(struct libraries *libraries, const char *path, const char *line,
		       struct fault *fault)
{
	return path && is_absent(path) ? 0 : add_library(libraries, path, line, fault);
}

/* Where the library itself would be. */
static int add_stand_in(struct libraries *libraries, const char *path, const char *line,
			struct fault *fault)
{
	(void)line;
	return path && is_absent(path) ? add(libraries, path, STAND_IN, "stands in for it", fault) : 0;
}

/* Links, which the loader follows. */
static int make_folder(struct libraries *libraries, const char *scratch)
{
	char link[PATH_SIZE + NAME_SIZE];

	snprintf(libraries->folder, sizeof(libraries->folder), "%s/absent", scratch);
	if (access(STAND_IN, R_OK) < 0 || (mkdir(libraries->folder, 0700) < 0 && errno != EEXIST))
		return -errno;
	for (size_t i = 0; i < COUNT(absent); i++) {
		snprintf(link, sizeof(link), "%s/%s", libraries->folder, absent[i]);
		if (symlink(STAND_IN, link) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int add_listed(struct libraries *libraries, const char *scratch, struct fault *fault)
{
	int r;

	/* What a newer library asks for may be missing: then none stands in. */
	if (make_folder(libraries, scratch) < 0 ||
	    each_library(libraries, true, refuse_complaint, fault) < 0)
		return each_library(libraries, false, add_library, fault);
	r = each_library(libraries, true, add_present, fault);
	return r ? r : each_library(libraries, false, add_stand_in, fault);
}

/* Threads of libargon2 end by a library that libc loads only then. */
static int add_late_library(struct libraries *libraries, struct fault *fault)
{
	static const char name[] = "libgcc_s.so.1";

	for (size_t i = 0; i < libraries->tree->count; i++) {
		const char *path = libraries->tree->entries[i].path, *slash = strrchr(path, '/');
		char beside[PATH_SIZE];

		if (!slash || strncmp(slash, "/libc.so", 8) != 0)
			continue;
		snprintf(beside, sizeof(beside), "/%.*s/%s", (int)(slash - path), path, name);
		return add(libraries, beside, beside, "libc loads it later", fault);
	}
	return fault_set(fault, "%s is nowhere", name);
}

int libraries_add(struct tree *tree, const char *program, const char *scratch, struct fault *fault)
{
	CLEANUP(close_fd) int fd = open(program, O_RDONLY | O_CLOEXEC);
	struct libraries libraries = { .tree = tree, .program = program };
	int r = fd < 0 ? -errno : find_loader(fd, libraries.loader);

	if (r == -ENOENT && fd >= 0)
		return 0;
	if (r < 0) {
		fault_set(fault, "%s: %s", program,
			  r == -ENOEXEC ? "is no program for this kind of machine" : strerror(-r));
		return r == -ENOEXEC ? -ENOENT : r;
	}
	r = add_listed(&libraries, scratch, fault);
	return r ? r : add_late_library(&libraries, fault);
}
