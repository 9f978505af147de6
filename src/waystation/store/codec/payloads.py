"""``Codec``: what is done with payloads, in which order, and how what is kept tells what was done with it.

A payload that something was done with begins with two bytes that begin no entry, frontier or definition (those are
JSON, thus UTF-8, which has no byte ``0xC1``; nor has MessagePack), then a letter:

    0xC1 'W' 'Z'  a zstd frame of what was given
    0xC1 'W' 'E'  what the encryption made of a payload: one of 'Z' or 'P', or the bytes that were given
    0xC1 'W' 'B'  where outside the store a payload is: one of 'E', 'Z' or 'P', or the bytes that were given
    0xC1 'W' 'P'  what was given, as it is: it begins with those two bytes itself

All others are what was given. So whatever is switched on, off or changed, what was written before can be read. Packing
comes before encrypting (what is encrypted cannot be packed), and what is put outside is packed and encrypted.
"""

from __future__ import annotations

from typing import Final

from waystation.errors import CodecInvalid, PayloadDamaged, PayloadNotEncrypted
from waystation.store.codec.blobs import Blobs
from waystation.store.codec.compression import MOST, Compression, unpacked
from waystation.store.codec.encryption import Encryption, key_id_of, key_missing
from waystation.store.codec.protocol import PayloadCodec, PayloadPlace

MARK: Final = b"\xc1W"

PLAIN: Final = MARK + b"P"
PACKED: Final = MARK + b"Z"
ENCRYPTED: Final = MARK + b"E"
OUTSIDE: Final = MARK + b"B"

_LETTER: Final = len(PLAIN)


class Codec:
    """What is done with all that a store keeps as bytes: inputs, outputs, payloads, answers, state.

    Each part may be left out, and switched on, off or changed at any time: what was written before can still be read,
    as long as the keys and the folder that it needs are given.

    Arguments:
        compress: makes it shorter.
        encrypt: makes it unreadable without a key. ``Encryption``, or a codec of your own.
        blobs: keeps what is long outside the store.
        only_encrypted: refuse to read what is not encrypted, such as what was written before there was a codec. Without
            this, who can write to the database can put a plain payload in the place of an encrypted one.

    Raises:
        CodecInvalid: ``only_encrypted`` without encryption.

    Example:
        ``Waystation(store=..., codec=Codec(encrypt=Encryption.from_env(), compress=Compression()))``
    """

    def __init__(
        self,
        *,
        compress: Compression | None = None,
        encrypt: PayloadCodec | None = None,
        blobs: Blobs | None = None,
        only_encrypted: bool = False,
    ) -> None:
        writes = encrypt is not None and not (isinstance(encrypt, Encryption) and encrypt.primary is None)
        if only_encrypted and not writes:
            raise CodecInvalid("Codec(only_encrypted=True) needs encrypt= with a primary key: else nothing can be read")
        self.compress = compress
        self.encrypt = encrypt
        self.blobs = blobs
        self.only_encrypted = only_encrypted
        self._writer = encrypt if writes else None

    def __repr__(self) -> str:
        return (
            f"Codec(compress={self.compress!r}, encrypt={self.encrypt!r}, blobs={self.blobs!r}, "
            f"only_encrypted={self.only_encrypted})"
        )

    def encode(self, data: bytes, place: PayloadPlace) -> bytes:
        """What to keep of ``data``, wherever it is kept."""
        kept = self._packed(data, place)
        if self._writer is not None:
            return ENCRYPTED + self._writer.encode(kept, place)
        return kept

    def _packed(self, data: bytes, place: PayloadPlace) -> bytes:
        compress = self.compress
        if compress is not None and compress.over < len(data) <= MOST:
            packed = PACKED + compress.encode(data, place)
            if len(packed) < len(data):
                return packed
        return PLAIN + data if data.startswith(MARK) else data

    def decode(self, data: bytes, place: PayloadPlace) -> bytes:
        """What was given to be kept.

        Raises:
            PayloadUnreadable.
        """
        if data.startswith(ENCRYPTED):
            return _unpacked(self._decrypted(data[_LETTER:], place), place)
        if self.only_encrypted:
            raise PayloadNotEncrypted(
                f"{place.words} is not encrypted, and this app reads only what is (only_encrypted=True): it is older "
                "than the encryption, or someone put it there",
                run_id=place.run_id,
                place=place.words,
            )
        return _unpacked(data, place)

    def _decrypted(self, body: bytes, place: PayloadPlace) -> bytes:
        if self.encrypt is None:
            raise key_missing(key_id_of(body) or "?", place)
        return self.encrypt.decode(body, place)


def _unpacked(data: bytes, place: PayloadPlace) -> bytes:
    if not data.startswith(MARK):
        return data
    body = data[_LETTER:]
    if data.startswith(PACKED):
        return unpacked(body, place)
    if data.startswith(PLAIN):
        return body
    raise PayloadDamaged(
        f"{place.words} is not in a form that this version of Waystation knows: it was damaged, or a newer version "
        "wrote it",
        run_id=place.run_id,
        place=place.words,
    )
