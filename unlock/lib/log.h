/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_LOG_H
#define COCOSECRET_LOG_H

/*
 * One line per event, "cocosecret: ...", in the kernel log. Never a secret's bytes or length. What
 * went well is the kernel's level "notice", so that loglevel=6 shows it and little else.
 */
enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 5 };

void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)

#endif
