// SPDX-License-Identifier: GPL-2.0
#define PRIVILEGED false

#include "provider.h"

MODULE_DESCRIPTION("TDX's quotes, from a processor that the tests play");
