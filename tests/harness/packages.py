# SPDX-License-Identifier: GPL-2.0-or-later
"""What comes from Debian: nothing of it is installed on this machine."""

import contextlib
import lzma
import re

from . import place

HEADERS = "linux-headers-cloud-amd64"
CLOUD = "linux-image-cloud-amd64"
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

    def module(self, name):
        """Its bytes, as insmod takes them, or None where it is built in."""
        for path in self.root.rglob(f"{name}.ko*"):
            data = path.read_bytes()
            return lzma.decompress(data) if path.suffix == ".xz" else data
        return None


def fetch_kernel(path, package, version):
    """Downloads as any user may, and installs nothing."""
    fetch(path, [f"{package}={version}"])


# One package in older releases, several in newer ones.
KERNEL_PARTS = re.compile(r"Depends: (linux-(?:image|binary|modules)-\d\S*)")


def fetch_kernel_of(path, suite):
    """Of whatever packages it is made."""
    with release(path, suite) as (apt, root):
        whole = apt("apt-cache", "depends", "--recurse", "--important",
                    CLOUD)
        apt("apt-get", "download", *sorted(set(KERNEL_PARTS.findall(whole))))
        path.mkdir()
        for deb in root.glob("*.deb"):
            unpack(deb, path)


class KernelOf(Kernel):
    """The cloud kernel of another release, fetched once."""

    def __init__(self, suite):  # pylint: disable=super-init-not-called
        self.root = place.artefact(
            f"kernel-{suite}", place.digest(suite, CLOUD),
            lambda path: fetch_kernel_of(path, suite))
        (self.modules,) = self.root.glob("usr/lib/modules/*")
        self.version = self.modules.name
        # Newer releases leave it to kernel-install to put it into /boot.
        (self.image,) = (*self.root.glob(f"boot/vmlinuz-{self.version}"),
                         *self.modules.glob("vmlinuz"))


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


@contextlib.contextmanager
def release(path, suite):
    """(what runs apt's programs for another release, their folder), by an apt
    configuration of its own."""
    root = path.with_suffix(".apt")
    place.remove(root)
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (root / folder).mkdir(parents=True)
    (root / "status").touch()
    (root / "sources.list").write_text(
        f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n")
    (root / "apt.conf").write_text(PRIVATE_APT.format(root=root))

    def apt(program, *words):
        return place.run(program, "-c", root / "apt.conf", "-o",
                         "APT::Sandbox::User=root", *words, cwd=root)

    apt("apt-get", "update")
    yield apt, root
    place.remove(root)


def fetch_of(path, suite, name):
    """A package of another release."""
    with release(path, suite) as (apt, root):
        apt("apt-get", "download", name)
        (deb,) = root.glob("*.deb")
        unpack(deb, path)


def fetch_amdsev(path):
    """ovmf-amdsev of Debian unstable."""
    try:
        fetch_of(path, "unstable", "ovmf-amdsev")
    except (RuntimeError, ValueError) as error:
        raise NoAmdSev("package ovmf-amdsev of Debian unstable cannot be "
                       f"had: {error}") from error


def amdsev():
    """The AmdSev firmware's file, fetched once."""
    root = place.artefact("ovmf-amdsev", place.digest("unstable"), fetch_amdsev)
    return root / "usr/share/ovmf/OVMF.amdsev.fd"


def strict():
    """(code, variables) of an OVMF with EFI_MEMORY_ATTRIBUTE_PROTOCOL, fetched
    once."""
    root = place.artefact("ovmf-generic", place.digest("unstable"),
                          lambda path: fetch_of(path, "unstable",
                                                "ovmf-generic"))
    folder = root / "usr/share/OVMF"
    return (folder / "OVMF_CODE_4M.secboot.strictnx.fd",
            folder / "OVMF_VARS_4M.fd")
