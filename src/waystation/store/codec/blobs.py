"""Blobs: entries that are long, kept beside the store.

An entry in a blob is written, durably, before the commit that refers to it, under a name that is never used twice. So:

1. What a store refers to is there. A crash between the two leaves a blob that nothing refers to.
2. A blob is deleted only when the rows that refer to it are gone (``Deletion``), or when nothing refers to it and it is
   older than any write under way (``sweep_blobs``).
3. Only entries are put outside: they are never changed, so a blob is needed for as long as its run. Frontiers and
   definitions stay in the store.
"""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, cast
from urllib.parse import unquote, urlsplit

from waystation.errors import (
    BlobMissing,
    CodecInvalid,
    PayloadDamaged,
    StoreDiskError,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
)
from waystation.store.codec.folders import BlobFolder, LocalFolder, remote_folder
from waystation.store.codec.protocol import PayloadPlace

_FORMAT: Final = 1
_TOKEN: Final = 16
_DIGEST: Final = 32

_NAME = re.compile(r"[0-9a-f]{2}/([0-9a-f]{32})-([0-9a-f]{32})(?:\.part)?")
_HIDDEN = "***"
_SHORTEST_HIDDEN = 4


class Blobs:
    """A folder for entries that are long. It may be shared by several stores: each has a folder of its own in it.

    Arguments:
        url: a folder of this machine (a path, or ``file:///srv/blobs``), or an address that fsspec knows, such as
            ``s3://bucket/folder``.
        over: entries of more bytes, as packed and encrypted, are put there; None to put nothing there any more, and
            only read.
        options: what the file system of fsspec takes: credentials, an endpoint. They are never shown.

    Raises:
        CodecInvalid.
        ExtraMissing: fsspec, or its package for this kind of address, is not installed.
    """

    def __init__(
        self, url: str | Path, *, over: int | None = 256 * 1024, options: Mapping[str, object] | None = None
    ) -> None:
        if over is not None and over < 0:
            raise CodecInvalid(f"Blobs(over={over}): give the number of bytes over which an entry is put there")
        address = str(url)
        self.over = over
        self.shown = _shown(address)
        self._secrets = sorted(_secrets_in(address, options or {}), key=len, reverse=True)
        self.folder: BlobFolder = _folder(address, self.shown, options or {})

    def __repr__(self) -> str:
        return f"Blobs({self.shown!r}, over={self.over})"

    def failure(self, error: Exception, doing: str) -> StoreError:
        """What a failure of the folder is to those who use the store; nothing secret is in it."""
        said = str(error)
        for secret in self._secrets:
            said = said.replace(secret, _HIDDEN)
        if isinstance(error, NotImplementedError):
            return CodecInvalid(f"{doing}: fsspec cannot do that with addresses such as {self.shown}")
        code = error.errno if isinstance(error, OSError) else None
        what = f"{doing} failed in the folder of blobs {self.shown}: {type(error).__name__}: {said}"
        if code in {errno.ENOSPC, errno.EDQUOT}:
            return StoreFull(f"{what}; make room there")
        if code in {errno.EROFS, errno.EACCES, errno.EPERM}:
            return StoreReadOnly(f"{what}; let this process write there")
        if code in {errno.EIO, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}:
            return StoreDiskError(what)
        return StoreUnavailable(what)


class BlobRef(NamedTuple):
    """What the store keeps of an entry that is in a blob. It does not tell the run, so it leads nowhere in another.

    Attributes:
        token: what tells the blob from the others of its run.
        digest: the SHA-256 of its bytes.
        size: how many they are.
    """

    token: bytes
    digest: bytes
    size: int

    @classmethod
    def to(cls, data: bytes, token: bytes) -> BlobRef:
        """The reference to a blob of these bytes."""
        return cls(token, hashlib.sha256(data).digest(), len(data))

    @classmethod
    def read(cls, body: bytes) -> BlobRef | None:
        """The reference that ``to_bytes`` made; None if it is none."""
        if len(body) != 1 + _TOKEN + _DIGEST + 8 or body[0] != _FORMAT:
            return None
        token, rest = body[1 : 1 + _TOKEN], body[1 + _TOKEN :]
        return cls(token, rest[:_DIGEST], int.from_bytes(rest[_DIGEST:]))

    def to_bytes(self) -> bytes:
        """As it is kept."""
        return bytes((_FORMAT,)) + self.token + self.digest + self.size.to_bytes(8)

    def fits(self, data: bytes) -> bool:
        """Whether these are the bytes it refers to."""
        return len(data) == self.size and hashlib.sha256(data).digest() == self.digest


def blob_name(run_id: str, token: bytes) -> str:
    """The name of a blob in its folder."""
    owner = owner_of(run_id)
    return f"{owner[:2]}/{owner}-{token.hex()}"


def owner_of(run_id: str) -> str:
    """What the names of a run's blobs begin with. A run's id may have any sign in it, so it is not the id itself."""
    return hashlib.sha256(run_id.encode("utf-8", "surrogatepass")).hexdigest()[: 2 * _TOKEN]


def owner_and_token(name: str) -> tuple[str, bytes] | None:
    """Whose blob has this name, and its token (what was torn when it was written counts too); None if none has."""
    found = _NAME.fullmatch(name)
    return None if found is None else (found[1], bytes.fromhex(found[2]))


def missing(place: PayloadPlace, name: str, shown: str) -> BlobMissing:
    """The error that a blob is not there."""
    return BlobMissing(
        f"{place.words} is kept in the blob {name!r} of {shown}, and it is not there: bring it back from a backup",
        run_id=place.run_id,
        place=place.words,
    )


def damaged(place: PayloadPlace, name: str, shown: str) -> PayloadDamaged:
    """The error that a blob is not what was written."""
    return PayloadDamaged(
        f"{place.words} is kept in the blob {name!r} of {shown}, which is not what was written there: bring it back "
        "from a backup",
        run_id=place.run_id,
        place=place.words,
    )


def _folder(address: str, shown: str, options: Mapping[str, object]) -> BlobFolder:
    if "://" in address and not address.startswith("file://"):
        return remote_folder(address, shown, options)
    if options:
        raise CodecInvalid(f"Blobs({shown!r}): a folder of this machine takes no options")
    path = unquote(address.removeprefix("file://")) if address.startswith("file://") else address
    if not path or "\0" in path or (address.startswith("file://") and not path.startswith("/")):
        raise CodecInvalid(f"Blobs({shown!r}) names no folder: give a path, or file:///folder with three slashes")
    return LocalFolder(Path(path).absolute())


def _shown(address: str) -> str:
    """The address without what may be secret in it."""
    if "://" not in address:
        return address
    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{_HIDDEN if user else ''}{at}{host}{parts.path}"


def _secrets_in(address: str, given: object) -> set[str]:
    """What may be secret: each text of the options, and who is named in the address."""
    found: set[str] = set()
    if isinstance(given, Mapping):
        for value in cast("Mapping[object, object]", given).values():
            found |= _secrets_in("", value)
    elif isinstance(given, (list, tuple)):
        for value in cast("Sequence[object]", given):
            found |= _secrets_in("", value)
    elif isinstance(given, str):
        found.add(given)
    if "://" in address:
        parts = urlsplit(address)
        user = parts.netloc.rpartition("@")[0]
        found |= {user, *user.split(":"), parts.query}
    return {text for text in found if len(text) >= _SHORTEST_HIDDEN}
