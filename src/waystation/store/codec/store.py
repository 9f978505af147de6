"""A store that keeps what another one keeps, but encoded."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from msgspec.structs import replace

from waystation.core.refs import Millis, Seq
from waystation.errors import PayloadKeyMissing, PayloadNotEncrypted
from waystation.store.codec.deletion import Deletion
from waystation.store.codec.entries import Payloads
from waystation.store.codec.on_top import OnTop
from waystation.store.codec.outside import Outside
from waystation.store.codec.payloads import Codec
from waystation.store.codec.protocol import PayloadPlace
from waystation.store.passing import PassingStore
from waystation.store.protocol import JournalMoved, Store, StoreTransaction
from waystation.store.records import (
    Commit,
    MakeCommit,
    NewRun,
    OpenSuspension,
    RunSnapshot,
    StoredRun,
)

_log = logging.getLogger("waystation.codec")


class CodecStore(PassingStore):
    """Keeps runs in ``store``, their payloads encoded by ``codec``.

    ``Waystation(store=..., codec=...)`` makes one. What is written by apps with other parts of a codec, before or
    meanwhile, can be read by it all the same, if it has the keys and the blobs.

    Arguments:
        store: the store that does the work.
        codec: what is done with payloads.
    """

    def __init__(self, store: Store, codec: Codec) -> None:
        super().__init__(store)
        self.codec = codec
        self.outside = None if codec.blobs is None else Outside(codec.blobs)
        self.payloads = Payloads(codec, self.outside)
        self._deletion = None if self.outside is None else Deletion(store, self.outside)

    @property
    def inner(self) -> Store:
        """The store that does the work: it gives payloads as they are kept."""
        return self._store

    def __repr__(self) -> str:
        return f"CodecStore({type(self._store).__name__}, {self.codec!r})"

    async def open(self) -> None:
        """Connect, and find the store's own blobs."""
        await self._store.open()
        if self.outside is not None:
            await self.outside.open(self._store)

    async def close(self) -> None:
        """Let go of the store and of the blobs."""
        await self._store.close()
        if self.outside is not None:
            self.outside.close()

    # ------------------------------------------------------------------ writing

    async def create_run(self, run: NewRun) -> None:
        """See ``Store``."""
        await self._store.create_run(await self.payloads.new_run(run))

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        """See ``Store``."""
        await self._store.commit(await self.payloads.commit(commit), within=within)

    async def commit_on_top(self, run_id: str, after: Seq, make: MakeCommit) -> None:
        """See ``Store``."""
        on_top = OnTop(self.payloads, run_id, after, make)
        while True:
            try:
                return await self._store.commit_on_top(run_id, after, on_top.make)
            except JournalMoved:
                if not await on_top.prepare():
                    raise

    async def delete_run(self, run_id: str) -> bool:
        """See ``Store``."""
        if self._deletion is not None:
            return await self._deletion.delete_run(run_id)
        return await self._store.delete_run(run_id)

    async def prune(self, ended_before: Millis, *, limit: int) -> int:
        """See ``Store``."""
        if self._deletion is not None:
            return await self._deletion.prune(ended_before, limit)
        return await self._store.prune(ended_before, limit=limit)

    async def put_definition(self, fingerprint: str, workflow_id: str, description: bytes) -> None:
        """See ``Store``."""
        kept = self.codec.encode(description, PayloadPlace("definition", fingerprint))
        await self._store.put_definition(fingerprint, workflow_id, kept)

    # ------------------------------------------------------------------ reading

    async def load(self, run_id: str) -> StoredRun | None:
        """See ``Store``."""
        found = await self._store.load(run_id)
        if found is None:
            return None
        frontier = self.payloads.frontier(run_id, found.frontier_seq, found.frontier)
        entries = await self.payloads.journal(run_id, found.frontier_seq, found.entries)
        return replace(found, frontier=frontier, entries=entries)

    async def read(self, run_id: str, *, after: Seq = 0, limit: int | None = None) -> Sequence[bytes]:
        """See ``Store``."""
        return await self.payloads.journal(run_id, after, await self._store.read(run_id, after=after, limit=limit))

    async def snapshot(self, run_id: str) -> RunSnapshot | None:
        """See ``Store``."""
        found = await self._store.snapshot(run_id)
        if found is None:
            return None
        return replace(found, frontier=self.payloads.frontier(run_id, found.frontier_seq, found.frontier))

    async def read_some(self, run_id: str, seqs: Sequence[Seq]) -> dict[Seq, bytes]:
        """See ``Store``."""
        return await self.payloads.some(run_id, await self._store.read_some(run_id, seqs))

    async def open_suspensions(
        self, *, run_id: str | None = None, workflow_id: str | None = None, limit: int = 1000
    ) -> Sequence[OpenSuspension]:
        """See ``Store``."""
        rows = await self._store.open_suspensions(run_id=run_id, workflow_id=workflow_id, limit=limit)
        entries = await self.payloads.entries([(PayloadPlace("entry", row.run_id, row.seq), row.entry) for row in rows])
        return [replace(row, entry=entry) for row, entry in zip(rows, entries, strict=True)]

    async def get_definition(self, fingerprint: str) -> bytes | None:
        """See ``Store``.

        One that cannot be read for want of its key is as one that is not there: a definition is kept once, under the
        key of that day, and what it is for (telling what has changed since) must not keep that key needed for ever.
        """
        kept = await self._store.get_definition(fingerprint)
        if kept is None:
            return None
        try:
            return self.codec.decode(kept, PayloadPlace("definition", fingerprint))
        except (PayloadKeyMissing, PayloadNotEncrypted) as error:
            _log.warning("%s; it is taken as unknown", error)
            return None
