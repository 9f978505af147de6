"""Keys and what is derived of them. None of it is ever shown: not by repr, not in an error, not when it is pickled."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Never

from waystation.errors import CodecInvalid, ExtraMissing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SIZE: Final = 32
"""Bytes of a key: AES-256."""

_KEY_ID = re.compile(r"[A-Za-z0-9._+/@-]{1,100}")

_HOW = f"a key is {SIZE} bytes, or their base64 as text; Encryption.new_key() makes one"


def new_key() -> str:
    """A key nobody has had before, as base64."""
    return base64.b64encode(secrets.token_bytes(SIZE)).decode()


class Key:
    """A key.

    Arguments:
        key_id: by what it is known: kept with each payload, in plain.
        secret: 32 bytes, or their base64.
        where: where it was given, for errors.

    Raises:
        CodecInvalid: it does not tell the secret.
    """

    __slots__ = ("_secret", "key_id")

    def __init__(self, key_id: str, secret: bytes | str, where: str) -> None:
        if not _KEY_ID.fullmatch(key_id):
            # An id that is none may be a key in the wrong place, so it is not shown.
            raise CodecInvalid(f"{where}: a key's id is 1 to 100 of the characters A-Z a-z 0-9 . _ + / @ -")
        self.key_id = key_id
        self._secret = _bytes_of(secret)
        if len(self._secret) != SIZE:
            raise CodecInvalid(f"{where}: key {key_id!r} is not one; {_HOW}")

    def __repr__(self) -> str:
        return f"Key({self.key_id!r})"

    def __reduce__(self) -> Never:
        raise TypeError("a key is not written down")

    def cipher(self, purpose: bytes) -> AESGCM:
        """AES-GCM with a key that is derived from this one for ``purpose`` alone."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

        return AESGCM(HKDFExpand(algorithm=SHA256(), length=SIZE, info=purpose).derive(self._secret))


def _bytes_of(secret: bytes | str) -> bytes:
    """Its bytes; none if it is no base64."""
    if isinstance(secret, bytes):
        return secret
    try:
        return base64.b64decode(secret.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def read_keys(text: str, where: str) -> dict[str, bytes | str]:
    """The keys of a text such as ``2026-11:BASE64,2026-05:BASE64``, in its order.

    Raises:
        CodecInvalid: it does not tell what is in the text.
    """
    found: dict[str, bytes | str] = {}
    for number, part in enumerate(text.split(","), 1):
        key_id, separator, secret = part.strip().partition(":")
        if not separator or key_id in found:
            what = "has no colon between a key's id and the key" if not separator else "is the id of another key too"
            raise CodecInvalid(f"{where}: part {number} {what}; it is written id:key,id:key, the primary key first")
        found[key_id] = secret
    return found


def ring(keys: Mapping[str, bytes | str], where: str) -> dict[str, Key]:
    """The keys by id.

    Raises:
        CodecInvalid.
        ExtraMissing: cryptography is not installed.
    """
    # Only here is it looked for: an app without encryption need not have it.
    if find_spec("cryptography") is None:
        raise ExtraMissing("encrypted payloads need cryptography: install waystation[payloads], which brings it")
    if not keys:
        raise CodecInvalid(f"{where}: there is no key; {_HOW}")
    return {key_id: Key(key_id, secret, where) for key_id, secret in keys.items()}
