# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables for people, of what the parts found."""

from . import boot, goals, growth, native, size, stats, unlock, wall


def head(part):
    """Where and when."""
    where = part["machine"]
    return (f"{where['accelerator']}, {where['cpus']} CPUs, {where['day']}, "
            f"commit {where['commit']}")


def row(name, *cells):
    """Of a table."""
    return f"{name:34}" + "".join(f" {cell:>22}" for cell in cells)


def beside(found, name, ours):
    """Ours to theirs, where that says something."""
    if name == ours:
        return "1"
    ratio = stats.ratios(found[ours]["ms"], found[name]["ms"])
    return ratio.text(3 if ratio.median < 0.1 else 2)


def contenders(found, ours, what):
    """Lines: what each took, and ours beside it."""
    count = len(found[ours]["ms"])
    yield row(f"{what}, {count} rounds", "ms, median (least–most)",
              "peak KiB", "ours is × of it")
    for name, one in found.items():
        time = stats.spread(one["ms"])
        yield row(name, time.text(1 if time.median < 100 else 0),
                  f"{max(one['kib'])}", beside(found, name, ours))


def by_step(part):
    """(step, its time, its share of ours)"""
    whole = stats.spread(part["warm"][unlock.OURS]["ms"]).median
    for step, ms in part["steps"].items():
        time = stats.spread(ms)
        yield step, time.text(1), f"{time.median / whole:.0%}"


def of_unlock(part):
    """Lines."""
    yield from contenders(part["warm"], unlock.OURS, "Opening a volume, warm")
    yield ""
    yield row("Of ours, by its own clock", "ms, median (least–most)", "share")
    for cells in by_step(part):
        yield row(*cells)
    yield ""
    yield from contenders(part["cold"], unlock.OURS,
                          "Modules and pages not loaded")


def of_native(part):
    """Lines."""
    yield from contenders(part["warm"], native.OURS, "No VM: key and seal")


def of_module(part):
    """Lines."""
    text, data, bss = part["size"]
    rounds = len(part["tables"]["1"]["ours_ns"])
    yield row(f"finit_module, {rounds} rounds", "empty module, ms",
              "efi_secret, ms", "efi_secret is × of it")
    for count, one in part["tables"].items():
        empty, ours = ([ns / 1e6 for ns in one[name]]
                       for name in ("empty_ns", "ours_ns"))
        yield row(f"{count} secrets, {one['table']} bytes",
                  stats.spread(empty).text(2), stats.spread(ours).text(2),
                  stats.ratios(ours, empty).text(2))
    one = part["tables"]["1"]
    yield (f"efi_secret.ko: {text} bytes of code and constants, {data + bss} "
           f"of data; {one['loaded']} loaded")


def of_volumes(part):
    """Lines; ours beside so many times one volume."""
    yield row("Volumes in one run", "ours, ms", "cryptsetup in turn, ms",
              "ours is × of it", "× of so many times 1")
    for count, found in part["counts"].items():
        ours, theirs = (found[name]["ms"] for name in ("ours", "cryptsetup"))
        yield row(f"{count}, {len(ours)} rounds", stats.spread(ours).text(),
                  stats.spread(theirs).text(),
                  stats.ratios(ours, theirs).text(2),
                  f"{goals.growth(part, int(count)):.2f}")


def beside_it(more, who):
    """What ours adds to what somebody else adds."""
    others = who not in (size.BASE, size.OURS)
    return f"{more[size.OURS] / more[who]:.3f}" if others else ""


def of_size(part):
    """Lines; ours beside what each adds."""
    yield row("Initramfs", "files, KiB more", "zstd, KiB", "KiB more",
              "ours is × of it")
    for tool, images in part["tools"].items():
        files, packed = ({who: one[name] - images[size.BASE][name]
                          for who, one in images.items()}
                         for name in ("bytes", "zstd"))
        for who, one in images.items():
            yield row(f"{tool}: {who}", f"{files[who] / 1024:.0f}",
                      f"{one['zstd'] / 1024:.0f}",
                      f"{packed[who] / 1024:.0f}", beside_it(packed, who))
    for name, one in part["single"].items():
        yield row(f"{boot.SINGLE}, all of it, {name}",
                  f"{one['bytes'] / 1024:.0f}", f"{one['zstd'] / 1024:.0f}")
        yield f"{boot.SINGLE}, {name}: {one['files']} files"


def boots_of(tool, found):
    """Lines; ours beside what dracut's crypt module adds."""
    base = found.get(size.BASE)
    more = {who: stats.more(one["init"], base["init"])
            for who, one in found.items() if base}
    middle = {who: one.median for who, one in more.items()}
    for who, one in found.items():
        yield row(f"{tool}: {who}",
                  *(stats.spread(one[begin]).text()
                    for begin in ("init", "kernel")),
                  more[who].text() if base else "",
                  beside_it(middle, who) if size.OURS in found and base else "")


def of_boot(part):
    """Lines; of cocosecret-init by step, too."""
    rounds = len(part["steps"]["device"])
    yield row(f"To the root, {rounds} boots", "from /init, ms",
              "from the kernel's, ms", "ms more, in its round",
              "ours is × of it")
    for tool, found in part["tools"].items():
        yield from boots_of(tool, found)
    yield ""
    yield row(f"Of {boot.SINGLE}", "ms, median (least–most)")
    for step, ms in part["steps"].items():
        yield row(step, stats.spread(ms).text())


def of_wall(part):
    """Lines."""
    ours, theirs = part[wall.WALL], part[wall.PLAIN]
    yield row(f"QEMU to the root, {len(ours)} boots", "ms, median (least–most)",
              "with it is × of without")
    yield row("without the wall", stats.spread(theirs).text())
    yield row("with the wall", stats.spread(ours).text(),
              stats.ratios(ours, theirs).text(2))


PARTS = {"unlock": of_unlock, "native": of_native, "module": of_module,
         "volumes": of_volumes, "size": of_size, "boot": of_boot, "wall": of_wall}


def grown(curve):
    """(from and to, ms at both, the line, how well it fits)"""
    (least, first), *_, (most, last) = curve.points
    return (f"{least:,}–{most:,}", f"{stats.short(first)}–{stats.short(last)}",
            curve.text(), f"{curve.line().fit:.3f}")


def of_growth(results):
    """Lines; of other parts, too."""
    yield row("What grows", "from–to", "ms at the ends", "the line", "R²")
    for curve in growth.curves(results):
        yield row(curve.kind.what, *grown(curve))


def of_goals(results):
    """Lines."""
    yield f"{'Ours, × of the other':72} {'found':>8} {'at most':>8}"
    for goal, found in goals.reached(results):
        yield (f"{goal.what:72} {found:8.3f} {goal.limit:8g}"
               + ("" if found <= goal.limit else "  not reached"))


def markdown(results):
    """The page's tables: what we want to be, and what it takes to open a
    volume."""
    yield "| ours | × | goal |"
    yield "|---|---|---|"
    for goal, found in goals.reached(results):
        yield f"| {goal.what} | {found:.3f} | ≤ {goal.limit:g} |"
    part = results["unlock"]
    yield ""
    yield f"| opening a volume ({head(part)}) | ms | peak KiB | ours is |"
    yield "|---|---|---|---|"
    for name, one in part["warm"].items():
        ours = "" if name == unlock.OURS else \
            f"{beside(part['warm'], name, unlock.OURS)} × of it"
        yield (f"| {name} | {stats.spread(one['ms']).text()} | "
               f"{max(one['kib'])} | {ours} |")
    yield ""
    yield "| of ours, by its own clock | ms | share |"
    yield "|---|---|---|"
    for cells in by_step(part):
        yield f"| {' | '.join(cells)} |"


def growth_table(results):
    """The page's table of how cost grows."""
    yield "| what grows | from–to | ms at the ends | the line | R² | measured |"
    yield "|---|---|---|---|---|---|"
    for curve in growth.curves(results):
        yield f"| {' | '.join((curve.kind.what, *grown(curve), curve.where))} |"


def lines(results):
    """All that there is."""
    for name, of_part in PARTS.items():
        if name in results:
            yield f"{name}: {head(results[name])}"
            yield from of_part(results[name])
            yield ""
    if "growth" in results:
        yield f"growth: {head(results['growth'])}"
        yield from of_growth(results)
        yield ""
    yield from of_goals(results)
