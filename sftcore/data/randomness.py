"""Random numbers by key: the same key gives the same numbers, whatever was drawn before, in whatever process."""

from __future__ import annotations

from hashlib import blake2b
from operator import index
from typing import SupportsIndex

import numpy as np


def generator(*key: SupportsIndex | str) -> np.random.Generator:
    """A generator of its own for this key, about 10 µs: `generator(seed, "augment", row_id, copy)`.

    Philox (Salmon et al. 2011) with the 128-bit BLAKE2b digest of the key. Parts of a key never run together
    and never change kind: `("a", "b")`, `("ab",)`, `(1,)` and `("1",)` are four keys. Integers may have any
    size and sign, NumPy's included. Raises TypeError for a part that is neither an integer nor a text.
    """
    digest = blake2b(b"".join(_framed(part) for part in key), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest, dtype="<u8")))


def _framed(part: SupportsIndex | str) -> bytes:
    """Kind, length and content of a part, so that no two keys give the same bytes."""
    if isinstance(part, str):
        body = part.encode("utf-8", "surrogatepass")
        return b"s%d:%s" % (len(body), body)
    body = b"%d" % index(part)
    return b"i%d:%s" % (len(body), body)
