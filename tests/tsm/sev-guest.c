// SPDX-License-Identifier: GPL-2.0
/* The kernel's lets a request choose its privilege level, and shows the certificates. */
#define PRIVILEGED true

#include "provider.h"

MODULE_DESCRIPTION("SEV-SNP's reports, from a processor that the tests play");
