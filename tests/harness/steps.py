# SPDX-License-Identifier: GPL-2.0-or-later
"""What cocosecret-unlock does, step by step, by its own clock."""

# (what, in which record, under which name); one volume's follow each other.
STEPS = (("efi_secret loaded, secrets shown", "run", "module_us"),
         ("device waited for", "run", "devices_us"),
         ("header read and checked", "volume", "header_us"),
         ("secret read", "volume", "secret_us"),
         ("seal checked", "volume", "seal_us"),
         ("volume opened", "volume", "activate_us"),
         ("secret wiped", "run", "unlink_us"))


def of(run, volume):
    """{what: ms} of run.json and the record of the one volume."""
    records = {"run": run, "volume": volume}
    return {what: records[record][key] / 1000 for what, record, key in STEPS}


def whole(run):
    """ms from the first line of the program to its last record."""
    return (run["end_us"] - run["begin_us"]) / 1000
