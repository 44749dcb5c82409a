# SPDX-License-Identifier: GPL-2.0-or-later
"""make release-check, in a repository whose steps take no time."""

import re
import subprocess

import pytest

from harness import release

MAKEFILE = """\
%:
\t@echo $@ >>build/ran
\t@echo "12 passed, 0 failed"; [ $@ != "$$(cat build/broken)" ]
"""


@pytest.fixture(name="top")
def repository(tmp_path):
    """One with a commit, in which the step named in build/broken fails."""
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / ".gitignore").write_text("build\n")
    for folder in ("build", "debian", "doc"):
        (tmp_path / folder).mkdir()
    (tmp_path / "debian/changelog").write_text("cocosecret (7.8) unstable\n")
    (tmp_path / "build/broken").write_text("check-matrix\n")
    for words in (["init", "-q"], ["add", "."],
                  ["-c", "user.name=a", "-c", "user.email=a", "commit", "-qm",
                   "a"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


def ran(top):
    """The steps, since this was asked last."""
    path = top / "build/ran"
    words = path.read_text().split() if path.exists() else []
    path.unlink(missing_ok=True)
    return words


def test_goes_on(top):
    """A step that failed is run again, and those that passed are not."""
    assert release.main(top) == 1
    assert ran(top) == list(release.STEPS)
    page = (top / release.PAGE).read_text()
    assert "Version 7.8, commit " in page
    assert len(re.findall(r"\| passed \| 12 passed, 0 failed \|", page)) == 8
    assert re.search(r"^\| `make check-matrix`, .* \| \*\*failed\*\* \|", page,
                     re.M)
    (top / "build/broken").write_text("")
    assert release.main(top) == 0
    assert ran(top) == ["check-matrix"]
    assert "failed**" not in (top / release.PAGE).read_text()
    assert release.main(top) == 0 and ran(top) == []


def test_stopped(top):
    """A step whose run was cut off has no result."""
    one = release.Release(top)
    one.run("check")
    (one.folder / "check.json").unlink()
    assert one.missing() == list(release.STEPS)
    assert "| not run |" in one.page()


def test_another_commit(top):
    """What passed before a change says nothing of it."""
    (top / "build/broken").write_text("")
    assert release.main(top) == 0
    (top / "Makefile").write_text(MAKEFILE + "# changed\n")
    with pytest.raises(RuntimeError, match="not the source of a commit: Make"):
        release.main(top)
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a", "commit",
                    "-qam", "b"], cwd=top, check=True)
    ran(top)
    assert release.main(top) == 0
    assert ran(top) == list(release.STEPS)
