/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_CLOCK_H
#define COCOSECRET_CLOCK_H

#include <stdint.h>
#include <time.h>

enum { US_PER_S = 1000000, US_PER_MS = 1000, NS_PER_US = 1000 };

/* CLOCK_MONOTONIC in microseconds, the unit of every time and deadline here. */
static inline uint64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * US_PER_S + (uint64_t)now.tv_nsec / NS_PER_US;
}

/* Of two deadlines the one that comes first. */
static inline uint64_t clock_earlier(uint64_t a_us, uint64_t b_us)
{
	return a_us < b_us ? a_us : b_us;
}

#endif
