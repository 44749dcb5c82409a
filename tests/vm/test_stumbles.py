# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots of what people bring along from before: words of other unlockers, a
crypttab with another name, a root= that is none, a table under another UUID,
and a disk that grew. From public reports."""

import pathlib
import time

import pytest

from harness import disks, expect, image, known, place, rootvm, table

LIMIT = 200
LUKS = f"rd.luks.uuid=luks-{known.LUKS_UUID}"
LEFTOVERS = {
    "uuid": LUKS,
    "name": f"rd.luks.name={known.LUKS_UUID}=root "
            "rd.luks.options=discard,tpm2-device=auto",
    "key": f"{LUKS} rd.luks.key=/keys/old.key",
    "auto": "rd.auto=1",
    "others": "resume=UUID=11111111-2222-4333-8444-555555555555 "
              f"cryptdevice=UUID={known.LUKS_UUID}:cryptroot",
}
ALL = pytest.param(" ".join(LEFTOVERS.values()), id="all")


def launch(secret=known.DISK):
    """The table of the sealed disk."""
    return table.build({secret: image.sealed().key})


def guest_of(kind="generic", **settings):
    """Nothing configured; the tokens decide."""
    return rootvm.guest("stock", kind, **{
        "disk": image.sealed(), "volumes": "", "launch_table": launch()
    } | settings)


@pytest.mark.slow
@pytest.mark.parametrize("words", [ALL, *(
    pytest.param(words, id=name, marks=pytest.mark.slow)
    for name, words in LEFTOVERS.items())])
@pytest.mark.parametrize("kind", ["generic", pytest.param(
    "dracut-plain", marks=pytest.mark.slow)])
def test_leftovers(kind, words):
    """No other unlocker acts, so nobody waits for a passphrase."""
    with guest_of(kind, cmdline=words) as guest:
        guest.wait_ready(LIMIT)
        expect.unlocked(guest)
        assert guest.check("ls /dev/mapper").split() == [
            "control", known.MAPPING]


def with_crypttab(folder, name):
    """A sealed disk whose root has the volume in its crypttab."""
    tree = pathlib.Path(folder) / "tree"
    place.run("cp", "-a", image.root(), tree)
    (tree / "etc/crypttab").write_text(
        f"{name} UUID={known.LUKS_UUID} none luks,discard,x-initrd.attach\n")
    disk = pathlib.Path(folder) / "disk.img"
    image.file_system(disk, tree)
    place.remove(tree)
    image.seal(disk)
    return image.Disk(pathlib.Path(folder))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sda5_crypt", pytest.param(
    known.MAPPING, marks=pytest.mark.slow)])
def test_crypttab_of_the_root(name, folder):
    """The root's own systemd asks for no passphrase of what is open, and is
    told that the name is another."""
    disk = with_crypttab(folder, name)
    with guest_of(disk=disk,
                  launch_table=table.build({known.DISK: disk.key})) as guest:
        guest.wait_ready(LIMIT)
        expect.unlocked(guest)
        for _ in range(30):
            if "cryptsetup" not in guest.check("systemctl list-jobs"):
                break
            time.sleep(1)
        assert "cryptsetup" not in guest.check("systemctl list-jobs")
        guest.check("systemctl is-active cryptsetup.target")
        said = f"has the volume {known.MAPPING} under the name {name};"
        assert (said in guest.check("dmesg")) == (name != known.MAPPING)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["generic", "initramfs-tools"])
@pytest.mark.parametrize("root, says", [
    (f"UUID={known.LUKS_UUID}",
     f"names the encrypted volume {known.MAPPING} itself"),
    ("/dev/sda1", "the root device /dev/sda1, which root= names, did not"),
])
def test_root_word(kind, root, says):
    """The line names what was waited for, and what to write."""
    with guest_of(kind, root=f"root={root}") as guest:
        assert guest.wait_off(400) == "guest-shutdown"
        console = guest.log_path("console").read_text(errors="replace")
        assert says in console
        assert f"write root=/dev/mapper/{known.MAPPING}" in console
        print(f"{root}: off after {guest.age():.0f} s")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["generic", "initramfs-tools",
                                  "dracut-plain"])
def test_gpt_auto(kind):
    """root=gpt-auto leaves it to us."""
    with guest_of(kind, root="root=gpt-auto") as guest:
        guest.wait_ready(LIMIT)
        expect.unlocked(guest)


@pytest.mark.slow
def test_table_under_another_uuid():
    """Exit 3 without a wait: what the volume wants, and what there is."""
    with guest_of(launch_table=launch(known.OTHER),
                  cmdline="rd.cocosecret.timeout=300") as guest:
        report = expect.refused(
            guest, 3, f"wants secret {known.DISK}, which is not there; "
            f"there are: {known.OTHER}; ")
        assert report


def grown(path, size):
    """The cloud's disk is larger than the image."""
    with open(path, "ab") as file:
        file.truncate(file.tell() + size * image.MIB)
    return path


RESIZE = ("d=$(readlink -f /dev/disk/by-id/virtio-disk0); "
          "resizepart $d 1 $(($(cat /sys/class/block/${d##*/}1/size) + "
          "300000))")


@pytest.mark.slow
def test_grow(folder):
    """A partition grows while the guest runs; mapping and file system follow,
    and nobody is asked for a key."""
    part = image.sealed().copy(folder)
    whole = grown(disks.partitioned(pathlib.Path(folder) / "gpt.img", "gpt",
                                    [(part, "name=root")]), 200)
    with guest_of(plugged=False, after=[whole]) as guest:
        guest.wait_ready(LIMIT)
        before = int(guest.check("blockdev --getsz /dev/mapper/root"))
        guest.check(RESIZE)
        guest.check("cryptsetup resize root </dev/null")
        after = int(guest.check("blockdev --getsz /dev/mapper/root"))
        assert after == before + 300000
        guest.check("/lib/systemd/systemd-growfs /")
        print(f"{before} to {after} sectors")
