"""Lists of runs: newest first, filtered, in pages."""

# ruff: noqa: D102, PLR2004  (a test's name says what it tests, and its numbers are its own)

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pytest

from waystation.errors import DataError
from waystation.store.protocol import Store
from waystation.store.records import ENDED, UNFINISHED, RunFilter, RunStatus
from waystation.testing.store_suite.rules import OnAsyncio
from waystation.testing.store_suite.writes import commit, head, new_run

_STATUSES: tuple[RunStatus, ...] = (*UNFINISHED, *sorted(ENDED))


async def _ids(store: Store, where: RunFilter) -> Sequence[str]:
    return [run.run_id for run in (await store.list_runs(where, limit=100)).runs]


async def _paged(store: Store, where: RunFilter, limit: int) -> Sequence[str]:
    seen: list[str] = []
    cursor = None
    while True:
        page = await store.list_runs(where, limit=limit, cursor=cursor)
        assert len(page.runs) <= limit
        seen += [run.run_id for run in page.runs]
        if (cursor := page.cursor) is None:
            return seen


class ListsSuite(OnAsyncio):
    """Lists of runs."""

    async def test_runs_created_in_the_same_moment_are_paged_without_gap_or_double(self, store: Store) -> None:
        for number in range(10):
            await store.create_run(new_run(f"r{number}", at=5 + number // 4))
        assert await _paged(store, RunFilter(), 3) == [f"r{number}" for number in range(9, -1, -1)]

    async def test_runs_are_filtered(self, store: Store) -> None:
        await store.create_run(new_run("r1", at=1, resource_id="x"))
        await store.create_run(new_run("r2", at=2, workflow_id="other"))
        await store.create_run(new_run("r3", at=3, resource_id="x"))
        await store.commit(commit(1, run_id="r3", head=head("failed")))
        assert await _ids(store, RunFilter(workflow_id="other")) == ["r2"]
        assert await _ids(store, RunFilter(statuses=["failed"])) == ["r3"]
        assert await _ids(store, RunFilter(resource_id="x")) == ["r3", "r1"]
        assert await _ids(store, RunFilter(resource_id="x", statuses=["pending"])) == ["r1"]
        assert await _ids(store, RunFilter(since=2)) == ["r3", "r2"]
        assert await _ids(store, RunFilter(until=2)) == ["r1"]
        assert await _ids(store, RunFilter(since=2, until=3, statuses=["pending"])) == ["r2"]

    async def test_runs_of_several_statuses_are_one_list(self, store: Store) -> None:
        for number, status in enumerate(_STATUSES * 3):
            # Several in each moment, so that the store's own order decides between them.
            await store.create_run(new_run(f"r{number:02}", at=number // 5, head=head(status, epoch=0)))
        newest_first = [f"r{number:02}" for number in reversed(range(len(_STATUSES) * 3))]

        def of(statuses: Sequence[RunStatus]) -> list[str]:
            return [run_id for run_id in newest_first if _STATUSES[int(run_id[1:]) % len(_STATUSES)] in statuses]

        for some in (*combinations(_STATUSES, 2), UNFINISHED, tuple(ENDED), _STATUSES):
            assert await _paged(store, RunFilter(statuses=some), 4) == of(some)
            assert await _ids(store, RunFilter(statuses=some, workflow_id="flow")) == of(some)
        assert await _ids(store, RunFilter(statuses=["failed", "failed"])) == of(["failed"])
        assert await _ids(store, RunFilter(statuses=UNFINISHED, since=1, until=3)) == [
            run_id for run_id in of(UNFINISHED) if 5 <= int(run_id[1:]) < 15
        ]
        assert await _ids(store, RunFilter(statuses=[])) == []

    async def test_runs_that_are_driven_are_one_list_whoever_drives_them(self, store: Store) -> None:
        owners = ("b", None, "a", "c")
        for number in range(16):
            flow = "flow" if number % 3 else "other"
            drives = head("running", epoch=0, owner=owners[number % 4])
            await store.create_run(new_run(f"r{number:02}", at=number // 5, workflow_id=flow, head=drives))
        await store.create_run(new_run("rest", at=1))
        newest_first = [f"r{number:02}" for number in range(15, -1, -1)]
        assert await _paged(store, RunFilter(statuses=["running"]), 3) == newest_first
        assert await _paged(store, RunFilter(statuses=["running"], workflow_id="other"), 2) == newest_first[::3]
        assert await _ids(store, RunFilter(statuses=["running"], since=1, until=3)) == newest_first[1:11]
        survey = await store.survey()
        assert survey.runs == {"running": 16, "pending": 1}
        assert survey.oldest_unfinished is not None
        assert survey.oldest_unfinished.run_id == "r00"

    async def test_runs_that_very_many_drive_are_one_list_too(self, store: Store) -> None:
        for number in range(600):
            drives = head("running", epoch=0, owner=f"w{number}")
            await store.create_run(new_run(f"r{number:03}", at=number // 7, head=drives))
        newest_first = [f"r{number:03}" for number in range(599, -1, -1)]
        assert await _paged(store, RunFilter(statuses=["running", "failed"]), 250) == newest_first

    async def test_pages_hold_while_runs_are_created_and_deleted(self, store: Store) -> None:
        for number in range(6):
            await store.create_run(new_run(f"r{number}", at=number))
        first = await store.list_runs(RunFilter(), limit=2)
        await store.create_run(new_run("new", at=99))
        await store.delete_run("r4")  # the one the cursor names
        await store.delete_run("r2")
        second = await store.list_runs(RunFilter(), limit=9, cursor=first.cursor)
        assert [run.run_id for run in first.runs] == ["r5", "r4"]
        assert [run.run_id for run in second.runs] == ["r3", "r1", "r0"]
        assert second.cursor is None

    async def test_what_is_no_cursor_is_told(self, store: Store) -> None:
        for text in ("x", "!", "MQ"):
            with pytest.raises(DataError):
                await store.list_runs(RunFilter(), limit=1, cursor=text)
