# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that boot guests under QEMU; what boots them is in tests/harness."""
