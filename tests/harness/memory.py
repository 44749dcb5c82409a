# SPDX-License-Identifier: GPL-2.0-or-later
"""Looking for a secret in a dump of guest memory.

A search that finds nothing proves something only beside one that finds: each
test looks for a control that must be there, in the same dump.
"""

import base64

from cryptography.hazmat.primitives.asymmetric import ec

FRAGMENT, STEP = 16, 8
PAGE, NUMBER = 4096, 32
CHUNK = 1 << 22


def fragments(secret):
    """Its 16-byte pieces, one every 8 bytes; all of it where it is shorter."""
    last = max(len(secret) - FRAGMENT, 0)
    return [secret[at:at + FRAGMENT]
            for at in sorted({*range(0, last, STEP), last})]


def base64_forms(secret):
    """What stays of its base64, whatever stands before it."""
    for lead in range(3):
        text = base64.b64encode(bytes(lead) + secret)
        first = (lead * 8 + 5) // 6
        yield text[first:(lead + len(secret)) * 8 // 6]


def swapped(secret):
    """32-bit words in the other byte order, as SHA-256 schedules hold them."""
    words = [secret[at:at + 4] for at in range(0, len(secret) & ~3, 4)]
    return b"".join(word[::-1] for word in words)


def ends(data):
    """Its first and its last 16 bytes."""
    return [data[:FRAGMENT], data[-FRAGMENT:]] if data else []


def forms(secret):
    """{what it is called: [byte strings]}. Each stands for the secret: whoever
    finds one has it, the HMAC pads that PBKDF2 makes of a key included."""
    result = {"fragment": fragments(secret), "swapped": ends(swapped(secret))}
    for pad in (0x36, 0x5c):
        data = bytes(byte ^ pad for byte in secret)
        result[f"hmac-{pad:02x}"] = ends(data)
        result[f"hmac-{pad:02x}-swapped"] = ends(swapped(data))
    result["hex"] = ends(secret.hex().encode())
    result["HEX"] = ends(secret.hex().upper().encode())
    result["base64"] = [piece for text in base64_forms(secret)
                        for piece in ends(text)]
    return result


def search(dump, needles):
    """Sorted (offset, name) of each {bytes: name} in a file."""
    overlap = max(map(len, needles)) - 1
    found, before, start = [], b"", 0
    with open(dump, "rb") as file:
        while chunk := file.read(CHUNK):
            # Most of a guest's memory was never touched.
            if chunk.count(0) == len(chunk) and not before.strip(b"\0"):
                before = chunk[-overlap:] if overlap else b""
                start += len(chunk)
                continue
            window, base = before + chunk, start - len(before)
            for needle, name in needles.items():
                at = window.find(needle)
                while at >= 0:
                    if at + len(needle) > len(before):
                        found.append((base + at, name))
                    at = window.find(needle, at + 1)
            start += len(chunk)
            before = window[-overlap:] if overlap else b""
    return sorted(found)


def find(dump, secret):
    """(offset, form) of the secret and its pieces, in every form."""
    if len(secret) < FRAGMENT:
        raise ValueError("too short to be told from chance")
    return search(dump, {piece: name for name, pieces in forms(secret).items()
                         for piece in pieces})


def private_key(dump, x, y):
    """The private half of a point on P-256, while libcrypto holds it: a number whose
    lowest byte is first, in locked memory, which has little else in it. None where it
    is not there."""
    wanted = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1())
    with open(dump, "rb") as file:
        while page := file.read(PAGE):
            if not PAGE // 2 < page.count(0) < PAGE - NUMBER // 2:
                continue
            for at in range(0, PAGE, NUMBER):
                number = page[at:at + NUMBER]
                if len(set(number)) > NUMBER // 2 and is_private(number, wanted):
                    return number[::-1]
    return None


def is_private(number, wanted):
    """Of that public key."""
    try:
        pair = ec.derive_private_key(int.from_bytes(number, "little"), ec.SECP256R1())
    except ValueError:  # not below the order
        return False
    return pair.public_key().public_numbers() == wanted


def whole(dump, secret):
    """Offsets of the whole secret as it is."""
    return [offset for offset, _ in search(dump, {secret: "whole"})]
