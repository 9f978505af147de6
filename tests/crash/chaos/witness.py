"""A store that writes into the book what was asked of the store behind it, and what that said."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Sequence

from tests.crash.chaos.book import Book, Refused, Took, Trying, Wrote
from waystation.core.refs import Millis, Seq
from waystation.store.passing import PassingStore
from waystation.store.protocol import Store, StoreTransaction
from waystation.store.records import Commit, MakeCommit, NewRun, RunRecord


def checksum_of(entries: Sequence[bytes]) -> int:
    return zlib.crc32(b"\n".join(bytes(entry) for entry in entries))


class WitnessStore(PassingStore):
    """Passes everything on; never crashes."""

    def __init__(self, store: Store, book: Book) -> None:
        super().__init__(store)
        self._book = book

    async def create_run(self, run: NewRun) -> None:
        first = Commit(run_id=run.run_id, epoch=0, after=0, entries=run.entries, head=run.head)
        await self._write(first, super().create_run(run))

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        await self._write(commit, super().commit(commit, within=within))

    async def commit_on_top(self, run_id: str, after: Seq, make: MakeCommit) -> None:
        made: list[Commit] = []

        def make_and_keep(record: RunRecord, since: Sequence[bytes]) -> Commit:
            made[:] = [make(record, since)]
            return made[0]

        book, number = self._book, self._book.next_number()
        try:
            await super().commit_on_top(run_id, after, make_and_keep)
        except BaseException as error:
            book.write(Refused(who=book.who, run=run_id, number=number, epoch=0, why=type(error).__name__))
            raise
        # It is said only now on top of what: no matter, for what is tried on top has no owner's epoch to lose.
        book.write(_wrote(book, number, made[0]))

    async def claim(self, run_id: str, worker_id: str, now: Millis) -> RunRecord | None:
        record = await super().claim(run_id, worker_id, now)
        if record is not None:
            self._book.write(Took(who=self._book.who, run=run_id, epoch=record.epoch))
        return record

    async def _write(self, commit: Commit, writing: Awaitable[None]) -> None:
        book, number, run, epoch = self._book, self._book.next_number(), commit.run_id, commit.epoch
        book.write(Trying(who=book.who, run=run, number=number, epoch=epoch, after=commit.after))
        try:
            await writing
        except BaseException as error:
            book.write(Refused(who=book.who, run=run, number=number, epoch=epoch, why=type(error).__name__))
            raise
        book.write(_wrote(book, number, commit))


def _wrote(book: Book, number: int, commit: Commit) -> Wrote:
    head = commit.head
    return Wrote(
        who=book.who,
        run=commit.run_id,
        number=number,
        epoch=commit.epoch,
        after=commit.after,
        count=len(commit.entries),
        checksum=checksum_of(commit.entries),
        takes=head.epoch if head is not None and head.epoch > commit.epoch else 0,
        parks=head is not None and head.owner is None,
    )
