# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests expect of a guest."""

import json

from . import known, memory, place, rootvm

# Of the command line, so in the memory of each guest that names its volume.
CONTROL = f"rd.cocosecret={known.MAPPING}"


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


def refused(guest, status, says="", limit=180, off=30):
    """The unlocker ends so, the first line that names an exit status says
    that, and the guest is off; the Report."""
    report = guest.wait_report(limit)
    assert report.exit == str(status), report
    assert report.faults() and says in report.faults()[0], report
    assert guest.wait_off(off) == "guest-shutdown"
    print("\n".join(report.faults()))
    return report


def intruded(guest, limit=180):
    """The first program of intruder.disk() reports; what it says."""
    while (report := guest.wait_report(limit)).exit != "intruder":
        pass
    return f"{report.result} is booted"


def gone(guest, *secrets, control=CONTROL):
    """No copy of them is in the guest's memory; the control, which must be, is
    found."""
    with place.scratch() as folder:
        dump = guest.dump(folder + "/dump")
        assert memory.whole(dump, control.encode())
        for secret in secrets:
            assert memory.find(dump, secret) == []


def untouched(guest, before):
    """Nothing was written to the guest's only disk, which has that hash."""
    assert guest.disk_writes() == {"disk0": 0}
    assert place.sha256(guest.disk) == before
