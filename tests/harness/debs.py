# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages, built once for each state of the source."""

import functools

from . import place

# Not in the source package.
ASIDE = ("build", ".git")
VERSION = place.version()
# As an upgrade would have it.
NEXT = VERSION + "+next"
# The unit tests are run elsewhere.
QUICK = {"DEB_BUILD_OPTIONS": "nocheck"}
WITHOUT_TESTS = ("RPM_WITH=--with dkms --without check",)


def make(*words, **variables):
    """The top Makefile, in a folder of its own, so next to other runs."""
    return place.run("make", "-s", "--no-print-directory", *words,
                     cwd=place.TOP,
                     env=place.environment() | QUICK | variables)


def source():
    """A hash of what the packages are made of."""
    return place.digest(*tops())


def tops():
    """What there is at the top of the source."""
    return sorted(path for path in place.TOP.iterdir() if path.name not in ASIDE)


def files():
    """Of the source."""
    for top in tops():
        found = top.rglob("*") if top.is_dir() else [top]
        yield from (path for path in found if path.is_file()
                    and "__pycache__" not in path.parts)


@functools.cache
def folder(version=None):
    """Where `make deb` put its results; of another version if so wanted."""
    words = [f"VERSION={version}"] if version else []
    return place.artefact(
        "debs-next" if version else "debs", source(),
        lambda path: make("deb", f"DEB_DIR={path}", *words))


@functools.cache
def rpms():
    """Where `make rpm` put its results."""
    return place.artefact(
        "rpms", source(),
        lambda path: make("rpm", f"RPM_DIR={path}", *WITHOUT_TESTS))


def deb(name, version=None):
    """One package's file."""
    (path,) = folder(version).glob(f"{name}_*.deb")
    return path
