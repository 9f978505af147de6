"""Entries on their way into the store and out of it: encoded and decoded, inside and outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from waystation.core.refs import Seq
from waystation.errors import BlobMissing
from waystation.store.codec.outside import Outside, is_outside, outside
from waystation.store.codec.payloads import Codec
from waystation.store.codec.protocol import PayloadPlace
from waystation.store.records import Commit, NewRun

T = TypeVar("T")

_IN_A_THREAD = 256 * 1024
"""More bytes than this are packed and encrypted beside the event loop, not on it."""


class Kept(NamedTuple):
    """Entries and a frontier as the store keeps them."""

    entries: Sequence[bytes]
    frontier: bytes | None


class Payloads:
    """Encodes and decodes what the store keeps.

    Arguments:
        codec: what is done with it.
        outside: where what is long is kept; None if nothing is.
    """

    def __init__(self, codec: Codec, outside: Outside | None) -> None:
        self.codec = codec
        self.outside = outside

    # ------------------------------------------------------------------ in

    # A blob whose commit was refused, or failed, is not deleted here: whether a write that failed is there may be found
    # out later only, and what is left behind is found by the sweep.

    async def commit(self, commit: Commit) -> Commit:
        """The commit as the store gets it; what is to be outside is there."""
        made = await self._kept(commit.run_id, commit.after, commit.entries, commit.frontier)
        return replace(commit, entries=made.entries, frontier=made.frontier)

    async def new_run(self, run: NewRun) -> NewRun:
        """The new run as the store gets it; what is to be outside is there."""
        made = await self._kept(run.run_id, 0, run.entries, run.frontier, run.frontier_seq)
        return replace(run, entries=made.entries, frontier=made.frontier)

    async def _kept(
        self, run_id: str, after: Seq, entries: Sequence[bytes], frontier: bytes | None, frontier_seq: Seq | None = None
    ) -> Kept:
        size = sum(map(len, entries)) + len(frontier or b"")
        made = await _beside(size, lambda: self.inside(run_id, after, entries, frontier, frontier_seq))
        if self.outside is None:
            return made
        return await self._put_outside(run_id, made)

    def inside(
        self, run_id: str, after: Seq, entries: Sequence[bytes], frontier: bytes | None, frontier_seq: Seq | None = None
    ) -> Kept:
        """All of it encoded, and nothing put outside."""
        encode = self.codec.encode
        kept = [encode(data, PayloadPlace("entry", run_id, seq)) for seq, data in enumerate(entries, after + 1)]
        state = None
        if frontier is not None:
            as_of = after + len(entries) if frontier_seq is None else frontier_seq
            state = encode(frontier, PayloadPlace("frontier", run_id, as_of))
        return Kept(kept, state)

    async def _put_outside(self, run_id: str, made: Kept) -> Kept:
        assert self.outside is not None, "there is an outside"
        long = [index for index, data in enumerate(made.entries) if self.outside.is_long(data)]
        if not long:
            return made
        refs = await self.outside.put(run_id, [made.entries[index] for index in long])
        entries = list(made.entries)
        for index, ref in zip(long, refs, strict=True):
            entries[index] = outside(ref)
        return made._replace(entries=entries)

    # ------------------------------------------------------------------ out

    async def entries(self, kept: Sequence[tuple[PayloadPlace, bytes]]) -> list[bytes]:
        """Entries as they were given.

        Raises:
            PayloadUnreadable.
            StoreError: of the kind that tells what the folder of blobs said.
        """
        found = await self.fetched(kept)
        decode, places = self.codec.decode, [place for place, _ in kept]
        return await _beside(
            sum(map(len, found)), lambda: [decode(data, place) for data, place in zip(found, places, strict=True)]
        )

    async def fetched(self, kept: Sequence[tuple[PayloadPlace, bytes]]) -> list[bytes]:
        """Entries as they are kept, those that are outside too.

        Raises:
            BlobMissing, PayloadDamaged.
            StoreError: of the kind that tells what the folder of blobs said.
        """
        elsewhere = next((place for place, data in kept if is_outside(data)), None)
        if elsewhere is None:
            return [data for _, data in kept]
        if self.outside is None:
            raise no_outside(elsewhere)
        return await self.outside.fetch(kept)

    async def journal(self, run_id: str, after: Seq, kept: Sequence[bytes]) -> list[bytes]:
        """The run's entries after ``after``. Raises as ``entries``."""
        return await self.entries(
            [(PayloadPlace("entry", run_id, seq), data) for seq, data in enumerate(kept, after + 1)]
        )

    async def some(self, run_id: str, kept: Mapping[Seq, bytes]) -> dict[Seq, bytes]:
        """The run's entries of some seqs. Raises as ``entries``."""
        found = await self.entries([(PayloadPlace("entry", run_id, seq), data) for seq, data in kept.items()])
        return dict(zip(kept, found, strict=True))

    def frontier(self, run_id: str, seq: Seq, kept: bytes | None) -> bytes | None:
        """The run's frontier as of ``seq``, which is kept so. Raises as ``entries``."""
        return None if kept is None else self.codec.decode(kept, PayloadPlace("frontier", run_id, seq))


def no_outside(place: PayloadPlace) -> BlobMissing:
    """The error that an entry is outside, and the app does not know where that is."""
    return BlobMissing(
        f"{place.words} is kept in a folder of blobs, which this app does not have: give it to Codec(blobs=...)",
        run_id=place.run_id,
        place=place.words,
    )


async def _beside(size: int, work: Callable[[], T]) -> T:
    return work() if size <= _IN_A_THREAD else await asyncio.to_thread(work)
