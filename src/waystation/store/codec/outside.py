"""What is kept outside the store: put there before the commit that refers to it, and fetched for who reads.

Folders block, so they are asked from threads of their own, never from the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from waystation.errors import StoreClosed, StoreError
from waystation.store.codec.blobs import BlobRef, Blobs, blob_name, damaged, missing
from waystation.store.codec.folders import BlobFolder
from waystation.store.codec.payloads import OUTSIDE
from waystation.store.codec.protocol import PayloadPlace
from waystation.store.protocol import Store

_log = logging.getLogger("waystation.blobs")

T = TypeVar("T")

_THREADS = 8
_STORES_OWN = "waystation-blobs"
"""Under this name a store keeps, as if it were a definition, by what its folder among the blobs is known."""


class Outside:
    """The blobs of one store.

    Arguments:
        blobs: where they are.
    """

    def __init__(self, blobs: Blobs) -> None:
        self.blobs = blobs
        self._folder: BlobFolder | None = None
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="waystation-blobs")

    async def open(self, store: Store) -> None:
        """Find the store's own folder: two stores with one folder for blobs must not sweep each other's."""
        name = await store.get_definition(_STORES_OWN)
        if name is None:
            await store.put_definition(_STORES_OWN, "", secrets.token_hex(16).encode())
            name = await store.get_definition(_STORES_OWN)
        assert name is not None, "it is kept once and for all"
        self._folder = self.blobs.folder.inside(name.decode("ascii"))

    def close(self) -> None:
        """Let go; what is under way is left behind. Every later use is refused by the store, or here."""
        self._folder = None
        self._threads.shutdown(wait=False, cancel_futures=True)

    @property
    def folder(self) -> BlobFolder:
        """The store's own folder."""
        if self._folder is None:
            raise StoreClosed("the store is not open: its blobs cannot be reached")
        return self._folder

    def is_long(self, kept: bytes) -> bool:
        """Whether an entry that is kept so is to be put outside."""
        return self.blobs.over is not None and len(kept) > self.blobs.over

    # ------------------------------------------------------------------ writing

    async def put(self, run_id: str, kept: Sequence[bytes]) -> list[BlobRef]:
        """Put these outside, durably.

        Raises:
            StoreError: of the kind that tells what the folder said; what was put is removed again.
        """
        refs = [BlobRef.to(data, secrets.token_bytes(16)) for data in kept]
        names = [blob_name(run_id, ref.token) for ref in refs]
        doing, put = f"writing a blob of run {run_id!r}", self.folder.put
        putting = [self.ask(doing, put, name, data) for name, data in zip(names, kept, strict=True)]
        done = await asyncio.gather(*putting, return_exceptions=True)
        failed = next((result for result in done if isinstance(result, BaseException)), None)
        if failed is not None:
            await self.remove(run_id, refs)
            raise failed
        return refs

    async def remove(self, run_id: str, refs: Sequence[BlobRef]) -> None:
        """Delete blobs that nothing refers to any more. If that fails they are left to the sweep."""
        if not refs:
            return
        try:
            names = [blob_name(run_id, ref.token) for ref in refs]
            await self.ask(f"deleting the blobs of run {run_id!r}", self.folder.delete, names)
        except StoreError as error:
            _log.warning("blobs of run %s are left behind until they are swept: %s", run_id, error)

    # ------------------------------------------------------------------ reading

    async def fetch(self, places: Sequence[tuple[PayloadPlace, bytes]]) -> list[bytes]:
        """What these entries are kept as, wherever that is: those that are outside are read there.

        Raises:
            BlobMissing, PayloadDamaged.
            StoreError: of the kind that tells what the folder said.
        """
        return list(await asyncio.gather(*(self._fetch(place, data) for place, data in places)))

    async def _fetch(self, place: PayloadPlace, data: bytes) -> bytes:
        if not is_outside(data):
            return data
        return await self.ask(f"reading {place.words}", self._read, place, data)

    def read_now(self, place: PayloadPlace, data: bytes) -> bytes:
        """As ``fetch`` for one entry that is outside. This blocks."""
        try:
            return self._read(place, data)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001  (each file system has errors of its own)
            raise self.blobs.failure(error, f"reading {place.words}") from None

    def _read(self, place: PayloadPlace, data: bytes) -> bytes:
        ref = ref_of(data)
        if ref is None:
            raise damaged(place, "?", self.blobs.shown)
        name = blob_name(place.of, ref.token)
        try:
            kept = self.folder.get(name)
        except FileNotFoundError:
            raise missing(place, name, self.blobs.shown) from None
        if not ref.fits(kept):
            raise damaged(place, name, self.blobs.shown)
        return kept

    async def ask(self, doing: str, work: Callable[..., T], *arguments: object) -> T:
        """Have a thread do what blocks.

        Raises:
            StoreError: of the kind that tells what the folder said.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001  (each file system has errors of its own)
            raise self.blobs.failure(error, doing) from None  # what it said may have secrets in it


def is_outside(kept: bytes) -> bool:
    """Whether an entry is kept outside."""
    return kept.startswith(OUTSIDE)


def outside(ref: BlobRef) -> bytes:
    """What the store keeps of an entry that is outside."""
    return OUTSIDE + ref.to_bytes()


def ref_of(kept: bytes) -> BlobRef | None:
    """Where an entry is that is kept outside; None if it is not, or it cannot be read where."""
    return BlobRef.read(kept[len(OUTSIDE) :]) if is_outside(kept) else None
