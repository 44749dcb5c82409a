# SPDX-License-Identifier: GPL-2.0-or-later
"""UUIDs and names that tests, guests and their disks have to agree on."""

# A secret table begins with the first; the second opens the guest's disk.
HEADER = "1e74f542-71dd-4d66-963e-ef4287ff173b"
DISK = "736869e5-84f0-4973-92ec-06879ce3da0b"
# They stand for nothing: for other secrets, volumes or file systems.
OTHERS = ("4a6bd4f2-5a42-4f0c-8f2b-0d9a7a3c1e10",
          "5b7ce503-6b53-4a1d-9a3c-1eab8b4d2f21",
          "6c8df614-7c64-4b2e-8b4d-2fbc9c5e3032")
OTHER = OTHERS[0]
# The secret of the volumes that stacks are made of.
STACKED = "9fb0a947-af97-4e51-9e7a-52ee2f815365"

# The guest's disk: its volume, the mapping of that, the file system in it.
LUKS_UUID = "5d41402a-bc4b-4a76-b971-9d911017c592"
MAPPING = "root"
MAPPED = f"/dev/mapper/{MAPPING}"
FS_UUID = "0b9ac2f4-2f7e-4a5c-9d5e-6f0b1c7f4a21"
FS_LABEL = "guest-root"
# A device that no guest has.
NOWHERE = "UUID=00000000-1111-4222-8333-444444444444"

# GPT's type for a root of x86-64.
ROOT_TYPE = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"

# An owner's public key: RFC 8032's, whose private half everybody has.
OWNER_PEM = """\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
"""
