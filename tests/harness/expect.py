# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests expect of a guest; each says in a line what it asserts."""

import json

from . import known, rootvm


def sysfs_uuid(guest, source):
    """The dm UUID behind a device node, by way of its device number."""
    number = guest.check(f"lsblk -ndo MAJ:MIN {source}").strip()
    return guest.check(f"cat /sys/dev/block/{number}/dm/uuid")


def unlocked(guest):
    """/ is on a crypt mapping that this boot opened from the disk."""
    source = guest.check("findmnt -no SOURCE /")
    assert source == known.MAPPED
    chain = guest.check(f"lsblk -rnso NAME,TYPE {source}").split()
    assert chain == [known.MAPPING, "crypt", chain[2], "disk"]
    assert guest.check(f"cat /sys/block/{chain[2]}/serial") == "disk0"
    dm_uuid = sysfs_uuid(guest, source)
    plain = known.LUKS_UUID.replace("-", "")
    assert dm_uuid == f"CRYPT-LUKS2-{plain}-{known.MAPPING}"
    table_line = guest.check(f"dmsetup table {known.MAPPING}").split()
    assert table_line[2:4] == ["crypt", "aes-xts-plain64"]
    record = json.loads(guest.check(
        f"cat {rootvm.STATE}/volumes/{known.MAPPING}.json"))
    assert record["dm_uuid"] == dm_uuid
    assert record["secret"] == known.DISK
