# SPDX-License-Identifier: GPL-2.0-or-later
"""make bench: us beside the others, each as it comes, in one run.

stats     medians and ratios
results   what was measured, kept as JSON
guest     a Debian on a disk that is not encrypted, with everybody in it
unlock    opening one volume
native    on this machine, what needs no device-mapper
growth    how cost grows, and the line that it follows
report    tables for people
"""
