/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_COMMANDS_H
#define COCOSECRET_COMMANDS_H

/* Each subcommand of cocosecret: argv[0] is its own name, the result an exit code. */
int keygen_main(int argc, char **argv);
int table_build_main(int argc, char **argv);
int table_show_main(int argc, char **argv);
int table_check_main(int argc, char **argv);
int enroll_main(int argc, char **argv);
int seal_main(int argc, char **argv);
int rotate_main(int argc, char **argv);
int remove_main(int argc, char **argv);
int show_main(int argc, char **argv);
int verify_main(int argc, char **argv);
int initrd_main(int argc, char **argv);
int uki_main(int argc, char **argv);
int audit_main(int argc, char **argv);
int list_main(int argc, char **argv);
int status_main(int argc, char **argv);

/* "cocosecret: COMMAND: ..." on standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What is there now, and what comes next: a line on standard output. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* From now on say() is heard on standard error, because other bytes go to standard output; or nowhere. */
void say_aside(void);
void say_nothing(void);

#endif
