// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner/closure.h"

#include <errno.h>
#include <fcntl.h>
#include <libkmod.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define FOLDER "lib/modules"

enum { PATH_SIZE = 4096, INSIDE_SIZE = 1024 };

/* How distributions compress modules, and who unpacks them. */
static const struct {
	const char *suffix;
	char *const command[4];
} compressions[] = {
	{ ".xz", { "xz", "-dc" } }, { ".zst", { "zstd", "-qdc" } }, { ".gz", { "gzip", "-dc" } },
	{ "", { "cat" } },
};

/* Of a kernel's folder: what says which modules are built in, and depmod's own input. */
static const char *const inputs[] = { "modules.builtin", "modules.builtin.modinfo", "modules.order" };
static const char *const indices[] = { "modules.dep.bin", "modules.alias.bin", "modules.symbols.bin",
				       "modules.builtin.bin", "modules.builtin.alias.bin",
				       "modules.softdep" };
#define COUNT(list) (sizeof(list) / sizeof(*(list)))

static void unref_list(struct kmod_list **list)
{
	kmod_module_unref_list(*list);
}

static void unref_module(struct kmod_module **module)
{
	kmod_module_unref(*module);
}

int closure_run(char *const argv[], int out)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		if (dup2(out, STDOUT_FILENO) >= 0)
			execvp(argv[0], argv);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT : -EIO;
}

static int make_parents(char *path)
{
	for (char *at = path + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -errno;
		*at = '/';
	}
	return 0;
}

int closure_open(struct closure *closure, struct fault *fault)
{
	const char *no_configuration = NULL;
	char folder[INSIDE_SIZE], path[PATH_SIZE];

	snprintf(folder, sizeof(folder), "/" FOLDER "/%s", closure->version);
	snprintf(path, sizeof(path), "%s/modules.dep.bin", folder);
	if (access(path, R_OK) < 0) {
		fault_set(fault, "%s: %s; is there a kernel %s? see depmod", path, strerror(errno),
			  closure->version);
		return -ENOENT;
	}
	closure->kmod = kmod_new(folder, &no_configuration);
	if (closure->kmod && kmod_load_resources(closure->kmod) == 0)
		return 0;
	fault_set(fault, "%s cannot be read by libkmod", folder);
	return -EIO;
}

void closure_close(struct closure *closure)
{
	kmod_unref(closure->kmod);
}

static int unpack(const char *from, const char *to, struct fault *fault)
{
	CLEANUP(close_fd) int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t length = strlen(from);
	int r = out < 0 ? -errno : 0;

	for (size_t i = 0; i < COUNT(compressions) && r == 0; i++) {
		size_t suffix = strlen(compressions[i].suffix);
		char *argv[4] = { compressions[i].command[0], compressions[i].command[1], NULL, NULL };

		if (length < suffix || strcmp(from + length - suffix, compressions[i].suffix) != 0)
			continue;
		argv[argv[1] ? 2 : 1] = (char *)from;
		r = closure_run(argv, out);
		if (r == -ENOENT)
			fault_set(fault, "%s: there is no program %s here to unpack it", from, argv[0]);
		else if (r < 0)
			fault_set(fault, "%s cannot be unpacked by %s: %s", from, argv[0], strerror(-r));
		return r == -ENOENT ? -ENOPKG : r;
	}
	fault_set(fault, "%s: %s", to, strerror(-r));
	return r;
}

/* The name without what says how it is compressed. */
static void set_paths(const struct closure *closure, const char *path, char inside[INSIDE_SIZE],
		      char staged[PATH_SIZE])
{
	const char *below = strstr(path, FOLDER), *end = strstr(path, ".ko");

	below = below ? below : path;
	end = end ? end + strlen(".ko") : path + strlen(path);
	snprintf(inside, INSIDE_SIZE, "%.*s", (int)(end - below), below);
	snprintf(staged, PATH_SIZE, "%s/%s", closure->scratch, inside);
}

static int add_path(struct closure *closure, const char *path, const char *why, struct fault *fault)
{
	char inside[INSIDE_SIZE], staged[PATH_SIZE];
	int r;

	set_paths(closure, path, inside, staged);
	if (access(staged, F_OK) == 0)
		return 0;
	r = make_parents(staged);
	if (r == 0)
		r = unpack(path, staged, fault);
	return r ? r : tree_add_file(closure->tree, inside, staged, 0644, why);
}

static int add_module(struct closure *closure, struct kmod_module *module, const char *why,
		      struct fault *fault);

static int add_list(struct closure *closure, struct kmod_list *list, const char *why,
		    struct fault *fault)
{
	struct kmod_list *at;
	int r = 0;

	kmod_list_foreach(at, list) {
		CLEANUP(unref_module) struct kmod_module *module = kmod_module_get_module(at);

		if (r == 0)
			r = add_module(closure, module, why, fault);
	}
	return r;
}

/* A module of which no file is there is built in. */
static int add_module(struct closure *closure, struct kmod_module *module, const char *why,
		      struct fault *fault)
{
	CLEANUP(unref_list) struct kmod_list *needs = kmod_module_get_dependencies(module);
	CLEANUP(unref_list) struct kmod_list *before = NULL;
	CLEANUP(unref_list) struct kmod_list *after = NULL;
	const char *path = kmod_module_get_path(module);
	int r = path ? add_path(closure, path, why, fault) : 0;

	kmod_module_get_softdeps(module, &before, &after);
	if (r == 0)
		r = add_list(closure, needs, "another module needs it", fault);
	if (r == 0)
		r = add_list(closure, before, "another module wants it", fault);
	return r ? r : add_list(closure, after, "another module wants it", fault);
}

bool closure_has(const struct closure *closure, const char *name)
{
	CLEANUP(unref_list) struct kmod_list *modules = NULL;

	return kmod_module_new_from_lookup(closure->kmod, name, &modules) == 0 && modules;
}

int closure_add(struct closure *closure, const char *name, bool must, const char *why,
		struct fault *fault)
{
	CLEANUP(unref_list) struct kmod_list *modules = NULL;
	int r = kmod_module_new_from_lookup(closure->kmod, name, &modules);

	if ((r < 0 && r != -ENOENT) || (must && !modules)) {
		fault_set(fault, "kernel %s has no module %s", closure->version, name);
		return r < 0 ? r : -ENOENT;
	}
	return add_list(closure, modules, why, fault);
}

static int copy_inputs(const struct closure *closure, struct fault *fault)
{
	char from[PATH_SIZE], to[PATH_SIZE];
	int r = 0;

	for (size_t i = 0; i < COUNT(inputs) && r == 0; i++) {
		snprintf(from, sizeof(from), "/" FOLDER "/%s/%s", closure->version, inputs[i]);
		snprintf(to, sizeof(to), "%s/" FOLDER "/%s/%s", closure->scratch, closure->version,
			 inputs[i]);
		if (access(from, R_OK) < 0)
			continue;
		r = make_parents(to);
		if (r == 0)
			r = unpack(from, to, fault);
	}
	return r;
}

int closure_finish(struct closure *closure, struct fault *fault)
{
	char *const argv[] = { "depmod", "-b", (char *)closure->scratch, (char *)closure->version, NULL };
	char inside[INSIDE_SIZE], staged[PATH_SIZE];
	int r = copy_inputs(closure, fault);

	if (r == 0) {
		r = closure_run(argv, STDERR_FILENO);
		if (r < 0)
			fault_set(fault, "depmod, of kmod, cannot index the modules: %s", strerror(-r));
	}
	for (size_t i = 0; i < COUNT(indices) && r == 0; i++) {
		snprintf(inside, sizeof(inside), FOLDER "/%s/%s", closure->version, indices[i]);
		snprintf(staged, sizeof(staged), "%s/%s", closure->scratch, inside);
		if (access(staged, F_OK) == 0)
			r = tree_add_file(closure->tree, inside, staged, 0644, "index of the modules");
	}
	return r;
}
