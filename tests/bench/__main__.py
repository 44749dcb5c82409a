# SPDX-License-Identifier: GPL-2.0-or-later
"""python -m bench [PART,…|all|none]: measures parts, and shows all results."""

import sys
import time

from . import module, native, report, results, size, unlock, volumes

PARTS = {"unlock": unlock.measure, "native": native.measure,
         "module": module.measure, "volumes": volumes.measure,
         "size": size.measure}


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


def main():
    """Each part is kept as soon as it is there."""
    for name in chosen(sys.argv[1] if len(sys.argv) > 1 else "all"):
        begin = time.monotonic()
        results.keep(name, **PARTS[name]())
        print(f"  {name:<34}{time.monotonic() - begin:6.0f} s",
              file=sys.stderr, flush=True)
    print("\n".join(report.lines(results.load())))


if __name__ == "__main__":
    main()
