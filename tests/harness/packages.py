# SPDX-License-Identifier: GPL-2.0-or-later
"""What comes from Debian: nothing of it is installed on this machine."""

import re

from . import place

HEADERS = "linux-headers-cloud-amd64"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# The machine's own configuration (a proxy, say) holds, but for its folders
# and for hooks that would clean up in them. Old lists will do: a mirror that
# lags behind is no reason not to test.
PRIVATE_APT = """\
Dir::State "{root}/state";
Dir::State::status "{root}/status";
Dir::Cache "{root}/cache";
Dir::Etc::sourcelist "{root}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""


class Missing(RuntimeError):
    """A package that cannot be had here."""


class NoAmdSev(Missing):
    """It is of another release, so its tests may be skipped."""


def mirror():
    """The Debian mirror that this machine uses."""
    sites = place.run("apt-get", "indextargets", "--format", "$(SITE)",
                      "Created-By: Packages", "Origin: Debian").split()
    sites = [site for site in sites if "security" not in site]
    if not sites:
        raise Missing("no Debian mirror in this machine's apt sources; "
                      "run apt-get update")
    return sites[0]


def unpack(deb, path):
    """The files of a package."""
    place.run("dpkg-deb", "-x", deb, path)


def kernel_package():
    """(package, version): the kernel that the installed headers are for."""
    depends = place.run("dpkg-query", "-W", "-f", "${Depends}", HEADERS)
    found = re.search(r"linux-headers-(\S+) \(= (\S+)\)", depends)
    if not found:
        raise Missing(f"{HEADERS} is not installed; run make deps")
    return f"linux-image-{found[1]}", found[2]


class Kernel:
    """A Debian kernel below build/: .version, .image, .modules."""

    def __init__(self):
        package, version = kernel_package()
        self.version = package.removeprefix("linux-image-")
        self.root = place.artefact(
            "kernel", place.digest(package, version),
            lambda path: fetch_kernel(path, package, version))
        self.image = self.root / "boot" / f"vmlinuz-{self.version}"
        self.modules = self.root / "lib/modules" / self.version


def fetch_kernel(path, package, version):
    """Downloads as any user may, and installs nothing."""
    fetch(path, [f"{package}={version}"])


def build_module(name):
    """A kernel module of tests/harness/guest/NAME, for that kernel."""
    source = place.GUEST / name
    version = Kernel().version

    def build(path):
        place.run("cp", "-r", source, path)
        place.run("make", "-s", "-C", f"/lib/modules/{version}/build",
                  f"M={path}", "CONFIG_DEBUG_INFO_BTF_MODULES=", "modules",
                  env=place.environment())
        place.run("strip", "--strip-debug", path / f"{name}.ko")

    key = place.digest(source, version)
    return place.artefact(name, key, build) / f"{name}.ko"


def fetch(path, names):
    """The files of packages of this machine's release, not installed."""
    with place.scratch() as folder:
        place.run("apt-get", "-o", "APT::Sandbox::User=root", "download",
                  *names, cwd=folder)
        for deb in place.pathlib.Path(folder).glob("*.deb"):
            unpack(deb, path)


def fetch_amdsev(path):
    """ovmf-amdsev of Debian unstable, by an apt configuration of its own."""
    root = path.with_suffix(".apt")
    place.remove(root)
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (root / folder).mkdir(parents=True)
    (root / "status").touch()
    (root / "sources.list").write_text(
        f"deb [signed-by={KEYRING}] {mirror()} unstable main\n")
    (root / "apt.conf").write_text(PRIVATE_APT.format(root=root))
    apt = ["apt-get", "-c", root / "apt.conf", "-o", "APT::Sandbox::User=root"]
    try:
        place.run(*apt, "update", cwd=root)
        place.run(*apt, "download", "ovmf-amdsev", cwd=root)
        (deb,) = root.glob("*.deb")
    except (RuntimeError, ValueError) as error:
        raise NoAmdSev("package ovmf-amdsev of Debian unstable cannot be "
                       f"had: {error}") from error
    unpack(deb, path)
    place.remove(root)


def amdsev():
    """The AmdSev firmware's file, fetched once."""
    root = place.artefact("ovmf-amdsev", place.digest("unstable"), fetch_amdsev)
    return root / "usr/share/ovmf/OVMF.amdsev.fd"
