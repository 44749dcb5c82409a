# SPDX-License-Identifier: GPL-2.0-or-later
"""What somebody makes who has the secret, as one has who impersonates a key
broker and brings his own: each header is sealed with it. Each changes a volume
that the owner signed; none may be opened where his public key is known."""

from . import catalogue, luks2


def signatures(volume):
    """Of each token."""
    return {number: token["signature"] for number, token in
            luks2.Header(volume.path).json["tokens"].items()}


def put_back(volume, found):
    """The signatures, into a header that was sealed anew."""
    def edit(header):
        for number, signature in found.items():
            header.json["tokens"][number]["signature"] = signature
    catalogue.rewritten(edit)(volume)


def sealed_again(volume, *, keep=True):
    """With --force, as whoever has the secret can; with the old signature."""
    found = signatures(volume)
    catalogue.must(catalogue.COCOSECRET, "seal", volume.path, "--key-file",
                   volume.key, "--force")
    if keep:
        put_back(volume, found)


def changed(edit):
    """A header of other contents, sealed."""
    def apply(volume, _folder, _owner):
        catalogue.rewritten(edit)(volume)
        sealed_again(volume)
    return apply


def never_signed(volume, _folder, _owner):
    """A volume of his own, sealed with the secret that he brings."""
    volume.path.unlink()
    catalogue.enroll(catalogue.luks_format(volume))


def another_owner(volume, folder, _owner):
    """Signed with a key of his own."""
    catalogue.sign(volume, catalogue.keygen_owner(folder / "another"))


def older_key(volume, folder, owner):
    """Signed by the owner, with a key that the image no longer has."""
    old = owner.rename(folder / "old")
    catalogue.public(owner).rename(catalogue.public(old))
    catalogue.keygen_owner(owner)


def copied(volume, folder, owner):
    """The owner's signature of another volume of his."""
    other = catalogue.good(folder / "other")
    catalogue.sign(other, owner)
    never_signed(volume, folder, owner)
    found = signatures(other)
    put_back(volume, found)
    catalogue.must(catalogue.COCOSECRET, "seal", volume.path, "--key-file",
                   volume.key, "--force")
    put_back(volume, found)


def stripped(volume, _folder, _owner):
    """The signature's value removed."""
    sealed_again(volume, keep=False)
    def edit(header):
        for token in header.json["tokens"].values():
            del token["signature"]["value"]
    catalogue.rewritten(edit)(volume)


def removed(volume, _folder, _owner):
    """All of the signature removed, and sealed."""
    catalogue.rewritten(catalogue.token(signature=None))(volume)
    catalogue.must(catalogue.COCOSECRET, "seal", volume.path, "--key-file",
                   volume.key, "--force")


WRONG = "the signature of token"
NONE = "no owner has signed it"
OTHER = "another owner's key"
# {name: (what is done, what is said)}
FORGED = {
    "never signed": (never_signed, NONE),
    "signed by another owner": (another_owner, OTHER),
    "signed with an older key": (older_key, OTHER),
    "another volume's signature": (copied, WRONG),
    "signature without a value": (stripped, NONE),
    "signature removed, sealed again": (removed, NONE),
    "name removed, sealed again": (changed(catalogue.token(name=None)), WRONG),
    "renamed, sealed again": (changed(catalogue.token(name="data")), WRONG),
    "UUID changed, sealed again": (changed(catalogue.HEADERS["UUID"]), WRONG),
    "label changed, sealed again": (changed(catalogue.HEADERS["label"]), WRONG),
    "discards set, sealed again": (
        changed(catalogue.HEADERS["allow-discards set"]), WRONG),
}
