/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COCOSECRET_OTHER_NAMES_H
#define COCOSECRET_OTHER_NAMES_H

/*
 * Where the crypttab of the verified root at @dir opens a volume of this boot under another name,
 * systemd would wait for its passphrase without end: puts a unit that does nothing in the place of
 * that one's, for this boot, and says so.
 */
void other_names_settle(const char *dir);

#endif
