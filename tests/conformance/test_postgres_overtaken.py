"""Others write to a run of a PostgreSQL store in between: what is read is of one moment, what is written is on top."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from tests.postgres_server.cutting import Side, cutting
from waystation.store.postgres import PostgresSettings, PostgresStore, reads, survey
from waystation.store.records import Commit, RunRecord, Schedule
from waystation.testing.store_suite.writes import CREATED, commit, new_run

pytestmark = pytest.mark.anyio

Read = Callable[..., Awaitable[Any]]


class Overtaker:
    """Has others write each time something was read, at most so often.

    Attributes:
        times: how often they did.
    """

    def __init__(self, read: Read, write: Callable[[], Awaitable[None]], *, most: int) -> None:
        self._read = read
        self._write = write
        self._most = most
        self.times = 0

    async def __call__(self, *given: Any, **also: Any) -> Any:
        found = await self._read(*given, **also)
        if self.times < self._most:
            self.times += 1
            await self._write()
        return found


def overtaken_on_top(other_postgres: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> Overtaker:
    """Whoever reads what is there to write on top of it is overtaken each time; it would be ten times."""

    async def write() -> None:
        length = len(await other_postgres.read("r1"))
        await other_postgres.commit(commit(length, b"by another"))

    overtaker = Overtaker(reads.since, write, most=10)
    monkeypatch.setattr(reads, "since", overtaker)
    return overtaker


def mine(_: RunRecord, since: Sequence[bytes]) -> Commit:
    return commit(1 + len(since), b"the lost one")


async def test_who_is_overtaken_again_and_again_keeps_the_others_out(
    other_postgres: PostgresStore, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PostgresStore(postgres)
    await store.open()
    await store.create_run(new_run())
    overtaker = overtaken_on_top(other_postgres, monkeypatch)
    await store.commit_on_top("r1", 1, mine)
    assert overtaker.times == 3, "it tries a few times beside the others, and then keeps them out"
    assert list(await store.read("r1")) == [CREATED, *[b"by another"] * 3, b"the lost one"]
    await store.close()


@pytest.mark.parametrize("side", ["request", "answer"])
async def test_what_is_written_while_others_are_kept_out_is_written_once_though_the_connection_breaks(
    side: Side, other_postgres: PostgresStore, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cutting(postgres) as way:
        store = PostgresStore(PostgresSettings(dsn=way.url, patience=20))
        await store.open()
        await store.create_run(new_run())
        overtaken_on_top(other_postgres, monkeypatch)
        way.cut(side, b"COMMIT;")
        await store.commit_on_top("r1", 1, mine)
        assert way.cuts == 1
        assert list(await store.read("r1")) == [CREATED, *[b"by another"] * 3, b"the lost one"]
        await store.close()


# ------------------------------------------------------------------ longer than what is asked for at once

LENGTH = 25_000


@pytest.fixture
async def long_run(other_postgres: PostgresStore) -> list[bytes]:
    """What is in the journal of r1: more than twice what is asked for at once."""
    entries = [b"%d" % seq for seq in range(2, LENGTH + 1)]
    await other_postgres.create_run(new_run())
    await other_postgres.commit(commit(1, *entries))
    return [CREATED, *entries]


async def test_a_long_run_is_read_without_gap_or_double(other_postgres: PostgresStore, long_run: list[bytes]) -> None:
    async with asyncio.timeout(60):  # who asks for the wrong ones may ask for ever
        loaded = await other_postgres.load("r1")
        read = await other_postgres.read("r1")
    assert loaded is not None
    assert list(loaded.entries) == long_run
    assert list(read) == long_run
    assert list(await other_postgres.read("r1", after=7, limit=20_003)) == long_run[7:20_010]
    await other_postgres.commit(commit(LENGTH, b"last", frontier=b"of 25,001"))
    await other_postgres.commit(commit(LENGTH + 1, *long_run[1:]))
    folded = await other_postgres.load("r1")
    assert folded is not None
    assert (folded.frontier_seq, list(folded.entries)) == (LENGTH + 1, long_run[1:])


async def test_a_long_run_that_others_write_to_meanwhile_is_loaded_as_of_one_moment(
    other_postgres: PostgresStore, long_run: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def write() -> None:
        await other_postgres.commit(commit(LENGTH, b"later", frontier=b"later"))

    overtaker = Overtaker(reads._entries, write, most=1)
    monkeypatch.setattr(reads, "_entries", overtaker)
    loaded = await other_postgres.load("r1")
    assert overtaker.times == 1
    assert loaded is not None
    assert (loaded.frontier_seq, list(loaded.entries)) == (0, long_run)


async def test_a_long_run_that_is_deleted_meanwhile_is_not_there(
    other_postgres: PostgresStore, long_run: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(long_run) == LENGTH

    async def write() -> None:
        assert await other_postgres.delete_run("r1")

    overtaker = Overtaker(reads._entries, write, most=1)
    monkeypatch.setattr(reads, "_entries", overtaker)
    assert await other_postgres.load("r1") is None
    assert overtaker.times == 1


async def test_a_survey_is_as_of_one_moment(other_postgres: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    async def write() -> None:
        await other_postgres.put_schedule(Schedule(schedule_id="later", workflow_id="w", spec="s", next_at=10))

    overtaker = Overtaker(reads.workers, write, most=1)
    monkeypatch.setattr(survey, "workers", overtaker)
    assert (await other_postgres.survey()).schedules == []
    assert overtaker.times == 1
    assert len((await other_postgres.survey()).schedules) == 1
