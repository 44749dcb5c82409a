# SPDX-License-Identifier: GPL-2.0-or-later
"""python -m bench [PART,…|all|none [page]]: measures parts, and shows all
results; with the word page doc/benchmarks.md shows them, too."""

import sys
import time

from harness import marked, place

from . import (boot, chart, growth, module, native, panels, report, results, size,
               unlock, volumes, wall)

PARTS = {"unlock": unlock.measure, "native": native.measure,
         "module": module.measure, "volumes": volumes.measure,
         "size": size.measure, "boot": boot.measure, "wall": wall.measure,
         "growth": growth.measure}


def chosen(words):
    """Names of parts."""
    if words == "none":
        return []
    names = list(PARTS) if words == "all" else words.split(",")
    for name in names:
        if name not in PARTS:
            raise SystemExit(f"bench: no part {name}; there are: all, none, "
                             + ", ".join(PARTS))
    return names


def put(name, lines):
    """Puts a table into its place of doc/benchmarks.md."""
    marked.put(place.TOP / "doc/benchmarks.md",
               f"<!-- {name}: make bench-page -->\n", f"<!-- end of {name} -->\n",
               "\n".join([*lines, ""]))


def write_page(found):
    """What was measured, and its pictures."""
    if "unlock" in found:
        put("bench", report.markdown(found))
        chart.write(found)
    if "growth" in found:
        put("growth", report.growth_table(found))
        panels.write(found)


def main():
    """Each part is kept as soon as it is there."""
    for name in chosen(sys.argv[1] if len(sys.argv) > 1 else "all"):
        begin = time.monotonic()
        results.keep(name, **PARTS[name]())
        print(f"  {name:<34}{time.monotonic() - begin:6.0f} s",
              file=sys.stderr, flush=True)
    found = results.load()
    print("\n".join(report.lines(found)))
    if sys.argv[2:] == ["page"]:
        write_page(found)


if __name__ == "__main__":
    main()
