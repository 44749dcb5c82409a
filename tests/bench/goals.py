# SPDX-License-Identifier: GPL-2.0-or-later
"""What we want to be, beside what was measured."""

import typing

from . import boot, native, size, stats, unlock, wall

CRYPTSETUP = "cryptsetup open --key-file"


class Goal(typing.NamedTuple):
    """measured() is of a part; a limit is the most that it may be."""

    part: str
    what: str
    limit: float
    measured: typing.Callable


def faster(theirs):
    """Of opening a volume, warm: in the middle, round by round."""
    return lambda part: stats.ratios(part["warm"][unlock.OURS]["ms"],
                                     part["warm"][theirs]["ms"]).median


def peak(part):
    """The most that ours ever took, to cryptsetup's."""
    return (max(part["warm"][unlock.OURS]["kib"])
            / max(part["warm"][CRYPTSETUP]["kib"]))


def recovery(part):
    """Key and seal, without a VM."""
    return stats.ratios(part["warm"][native.OURS]["ms"],
                        part["warm"][native.PEER]["ms"]).median


def added(tool, theirs, more):
    """What ours adds to what theirs adds, each to no encryption."""
    def ratio(part):
        found = part["tools"][tool]
        return (more(found[size.OURS], found[size.BASE])
                / more(found[theirs], found[size.BASE]))
    return ratio


def later(ms, base):
    """By how much such a boot takes longer, in the middle."""
    return stats.more(ms, base).median


def slower(tool):
    """A boot, from /init."""
    return added(tool, size.CRYPTSETUP,
                 lambda found, base: later(found["init"], base["init"]))


def sooner(begin, tool, who):
    """A boot by cocosecret-init, to another, round by round."""
    def ratio(part):
        ours, theirs = (part["tools"][one][name][begin] for one, name in
                        ((boot.SINGLE, size.OURS), (tool, who)))
        return stats.ratios(ours, theirs).median
    return ratio


def smaller(part):
    """An image of cocosecret-init, made for a root that says what it is, to a
    whole one of dracut's with ours."""
    return (part["single"][size.EXT4]["zstd"]
            / part["tools"][SYSTEMD][size.OURS]["zstd"])


def larger(tool, theirs):
    """An initramfs, as it is on a disk."""
    return added(tool, theirs,
                 lambda image, base: image["zstd"] - base["zstd"])


def growth(part, count):
    """So many volumes, to so many times one."""
    one, many = (stats.spread(part["counts"][str(number)]["ours"]["ms"]).median
                 for number in (1, count))
    return many / (count * one)


def loading(part):
    """The module with the most secrets, to an empty one."""
    table = part["tables"][max(part["tables"], key=int)]
    return stats.ratios(table["ours_ns"], table["empty_ns"]).median


SYSTEMD, PLAIN = boot.SYSTEMD, boot.PLAIN
# (from where, whose boot it is compared with, the most it may be of that)
SINGLE = (("init", (SYSTEMD, size.OURS), 0.18),
          ("init", (SYSTEMD, size.BASE), 0.25),
          ("init", (boot.INITRAMFS_TOOLS, size.OURS), 0.5),
          ("init", (boot.TINY, size.BASE), 1.5),
          ("kernel", (SYSTEMD, size.OURS), 0.3))
GOALS = (
    *(Goal("unlock", f"time to open a volume, against `{name}`", limit,
           faster(name))
      for name, limit in ((CRYPTSETUP, 0.5),
                          ("systemd-cryptsetup attach", 0.5),
                          ("clevis luks unlock, tang", 0.05),
                          ("clevis luks unlock, TPM2", 0.05))),
    Goal("unlock", "peak memory, against `cryptsetup open`", 1, peak),
    Goal("native", "key and seal, no VM, against `cryptsetup open "
         "--test-passphrase`", 0.5, recovery),
    *(Goal("boot", f"extra boot time, against dracut's crypt ({tool})",
           0.5, slower(tool)) for tool in (SYSTEMD, PLAIN)),
    *(Goal("boot", f"{boot.SINGLE}, {begin} to root, against "
           f"{', '.join(peer)}", limit, sooner(begin, *peer))
      for begin, peer, limit in SINGLE),
    Goal("size", f"image bytes of {boot.SINGLE}, {size.EXT4}, against {SYSTEMD}, "
         f"{size.OURS}", 0.25, smaller),
    *(Goal("size", f"extra image bytes, against dracut's crypt ({tool})",
           0.35, larger(tool, size.CRYPTSETUP)) for tool in (SYSTEMD, PLAIN)),
    Goal("size", f"extra image bytes, against clevis ({SYSTEMD})", 0.07,
         larger(SYSTEMD, size.PEER)),
    Goal("volumes", "16 volumes in one run, against 16 times one", 0.35,
         lambda part: growth(part, 16)),
    Goal("wall", "QEMU to the root with the wall, against without it", 1.15,
         lambda part: stats.ratios(part[wall.WALL], part[wall.PLAIN]).median),
    Goal("module", "efi_secret with 60 secrets, against an empty module", 2,
         loading),
    Goal("module", "code of efi_secret, against 16 KiB", 1,
         lambda part: part["size"][0] / 16384),
)


def reached(results):
    """(goal, what was measured), where it was."""
    return [(goal, goal.measured(results[goal.part])) for goal in GOALS
            if goal.part in results]
