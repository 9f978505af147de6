"""Encryption: AES-256-GCM, bound to the place a payload belongs to, with keys that can be changed.

A payload is ``0x01``, the length of the key's id, the id, a nonce of 12 bytes, and the ciphertext with its tag of 16
bytes. What is authenticated beside it (GCM's associated data) is all before the nonce, and the place. So a payload that
was changed, or moved to another seq, run or kind of row, is not taken for one.

Each run has a key of its own, derived from the key that is given (HKDF-Expand with SHA-256, RFC 5869). Nonces are
random, and of one AES key at most 2**32 may be drawn (NIST SP 800-38D, section 8.3): what would be reached in days by
all the entries of a busy store is never reached by those of one run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Self

from waystation.errors import CodecInvalid, PayloadDamaged, PayloadKeyMissing
from waystation.store.codec import keys as keyring
from waystation.store.codec.protocol import PayloadPlace

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORMAT: Final = 1
_NONCE: Final = 12
_CIPHERS_AT_HAND = 1024


class Encryption:
    """Encrypts payloads. Those of all keys given can be read; new ones are encrypted with the primary key.

    To rotate: give the new key beside the old ones and make it primary. Several processes may still be without it: give
    it to all of them first, and make it primary then.

    Arguments:
        keys: by id: 32 bytes, or their base64 as text.
        primary: the id of the one that new payloads are encrypted with; None to encrypt no more, and only read.

    Raises:
        CodecInvalid.
        ExtraMissing: cryptography is not installed.
    """

    def __init__(self, *, keys: Mapping[str, bytes | str], primary: str | None) -> None:
        self._keys = keyring.ring(keys, "Encryption(keys=...)")
        if primary is not None and primary not in self._keys:
            raise CodecInvalid(f"Encryption(primary={primary!r}): it is the id of one of its keys, {list(self._keys)}")
        self.primary = primary
        # One run's entries come one after another; the derived key need not be made for each.
        self._cipher = lru_cache(_CIPHERS_AT_HAND)(self._make_cipher)

    @classmethod
    def from_env(cls, variable: str = "WAYSTATION_KEYS", *, environ: Mapping[str, str] | None = None) -> Self:
        """With keys from an environment variable: ``2026-11:BASE64,2026-05:BASE64``, the first of them primary.

        Arguments:
            variable: its name.
            environ: the environment, if it is not that of this process.

        Raises:
            CodecInvalid: it is not set, or not of that form. What is in it is not shown.
        """
        text = (os.environ if environ is None else environ).get(variable, "")
        if not text.strip():
            raise CodecInvalid(f"the environment variable {variable} is not set: give it id:key,id:key, primary first")
        keys = keyring.read_keys(text, f"the environment variable {variable}")
        return cls(keys=keys, primary=next(iter(keys)))

    @staticmethod
    def new_key() -> str:
        """A new random key, as base64. Keep it where secrets are kept: without it nothing can be read."""
        return keyring.new_key()

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of its keys."""
        return tuple(self._keys)

    def __repr__(self) -> str:
        return f"Encryption(keys={list(self._keys)}, primary={self.primary!r})"

    def encode(self, data: bytes, place: PayloadPlace) -> bytes:
        """``data``, encrypted with the primary key."""
        assert self.primary is not None, "whoever only reads is not asked to write"
        head = _head(self.primary)
        nonce = os.urandom(_NONCE)
        cipher = self._cipher(self.primary, place.kind, place.of)
        return head + nonce + cipher.encrypt(nonce, data, head + place.to_bytes())

    def decode(self, data: bytes, place: PayloadPlace) -> bytes:
        """What ``data`` was made of.

        Raises:
            PayloadKeyMissing: it is encrypted with another key than those at hand.
            PayloadDamaged: it was changed, or belongs to another place.
        """
        from cryptography.exceptions import InvalidTag

        key_id = key_id_of(data)
        if key_id is None:
            raise _damaged(place)
        if key_id not in self._keys:
            raise key_missing(key_id, place)
        head = _head(key_id)
        nonce, sealed = data[len(head) : len(head) + _NONCE], data[len(head) + _NONCE :]
        try:
            return self._cipher(key_id, place.kind, place.of).decrypt(nonce, sealed, head + place.to_bytes())
        except (InvalidTag, ValueError):  # the latter for a nonce that is torn
            raise _damaged(place) from None

    def _make_cipher(self, key_id: str, kind: str, of: str) -> AESGCM:
        purpose = b"waystation payload 1\0%s\0%s" % (kind.encode(), of.encode("utf-8", "surrogatepass"))
        return self._keys[key_id].cipher(purpose)


def key_id_of(data: bytes) -> str | None:
    """The id of the key that a payload is encrypted with; None if it is no such payload."""
    if data[:1] != bytes((_FORMAT,)):
        return None
    length = int.from_bytes(data[1:2])
    key_id = data[2 : 2 + length]
    return key_id.decode("ascii") if key_id.isascii() and len(key_id) == length > 0 else None


def key_missing(key_id: str, place: PayloadPlace) -> PayloadKeyMissing:
    """The error that a key is not at hand."""
    return PayloadKeyMissing(
        f"{place.words} is encrypted with key {key_id!r}, which this app does not have: give it to "
        "Encryption(keys=...), beside the others",
        run_id=place.run_id,
        place=place.words,
        key_id=key_id,
    )


def _head(key_id: str) -> bytes:
    return bytes((_FORMAT, len(key_id))) + key_id.encode("ascii")


def _damaged(place: PayloadPlace) -> PayloadDamaged:
    return PayloadDamaged(
        f"{place.words} is not what was written there: it was changed, or put there from another place, or its key's "
        "id now names another key. Nothing of it is believed; bring back a backup of the store",
        run_id=place.run_id,
        place=place.words,
    )
