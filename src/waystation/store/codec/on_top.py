"""A commit on top of what is there, by a store that is given other bytes than those who decide see.

What decides is called by the store in the very moment of the write, where nothing can be waited for. So what has to be
read outside is read between two tries, and what would have to be put there too. To a run that is written to without a
pause no try may come in time: after a few of them the entries are read where they are needed, and written inside.
Whatever is kept tells by itself how it is to be read, so that is as good.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from waystation.core.refs import Seq
from waystation.errors import StoreError
from waystation.store.codec.blobs import BlobRef
from waystation.store.codec.entries import Payloads, no_outside
from waystation.store.codec.outside import is_outside, outside
from waystation.store.codec.protocol import PayloadPlace
from waystation.store.protocol import JournalMoved
from waystation.store.records import Commit, MakeCommit, RunRecord

TRIES: Final = 5
"""So often what is outside is dealt with between two tries."""


class OnTop:
    """One commit on top of what is there.

    Arguments:
        payloads: encodes and decodes.
        run_id: the run.
        after: the seq after which entries are given to ``make``.
        make: decides.
    """

    def __init__(self, payloads: Payloads, run_id: str, after: Seq, make: MakeCommit) -> None:
        self._payloads = payloads
        self._run_id = run_id
        self._after = after
        self._decide = make
        self._tries = 0
        self._fetched: dict[bytes, bytes] = {}
        self._to_fetch: list[tuple[PayloadPlace, bytes]] = []
        self._put: dict[tuple[Seq, bytes], BlobRef] = {}
        self._to_put: dict[tuple[Seq, bytes], bytes] = {}
        self._failure: StoreError | None = None

    def make(self, record: RunRecord, since: Sequence[bytes]) -> Commit:
        """What ``make`` makes of it, encoded. Raises ``JournalMoved`` also if there is something to prepare first."""
        self._to_fetch, self._to_put, self._failure = [], {}, None
        try:
            known = self._decoded(since)
        except StoreError as error:
            # A store may take a store's error for one of its own; this is one that each knows what to do with.
            self._failure = error
            raise JournalMoved from None
        commit = self._decide(record, known)
        return self._encoded(commit)

    async def prepare(self) -> bool:
        """Do outside what the last try lacked; whether it is worth another one.

        Raises:
            StoreError: why it cannot be decided.
        """
        if self._failure is not None:
            raise self._failure
        if not self._to_fetch and not self._to_put:
            return False
        self._tries += 1
        there = self._payloads.outside
        assert there is not None, "only what is outside makes for another try"
        found = await there.fetch(self._to_fetch)
        self._fetched.update(zip((data for _, data in self._to_fetch), found, strict=True))
        refs = await there.put(self._run_id, list(self._to_put.values()))
        self._put.update(zip(self._to_put, refs, strict=True))
        return True

    def _decoded(self, since: Sequence[bytes]) -> list[bytes]:
        places = [
            PayloadPlace("entry", self._run_id, seq) for seq in range(self._after + 1, self._after + 1 + len(since))
        ]
        kept = [self._fetched_of(place, data) for place, data in zip(places, since, strict=True)]
        if self._to_fetch:
            raise JournalMoved
        return [self._payloads.codec.decode(data, place) for data, place in zip(kept, places, strict=True)]

    def _fetched_of(self, place: PayloadPlace, data: bytes) -> bytes:
        if not is_outside(data):
            return data
        if (found := self._fetched.get(data)) is not None:
            return found
        there = self._payloads.outside
        if there is None:
            raise no_outside(place)
        if self._tries >= TRIES:
            return there.read_now(place, data)
        self._to_fetch.append((place, data))
        return data

    def _encoded(self, commit: Commit) -> Commit:
        made = self._payloads.inside(commit.run_id, commit.after, commit.entries, commit.frontier)
        entries = list(made.entries)
        there = self._payloads.outside
        for index, kept in enumerate(entries):
            if there is None or not there.is_long(kept):
                continue
            # It is known again by what was given, at this seq: encrypted anew it would be other bytes.
            key = (commit.after + 1 + index, commit.entries[index])
            if (ref := self._put.get(key)) is not None:
                entries[index] = outside(ref)
            elif self._tries < TRIES:
                self._to_put[key] = kept
        if self._to_put:
            raise JournalMoved
        return replace(commit, entries=entries, frontier=made.frontier)
