"""A store whose server is away for a moment fails no step: the run goes on when it is back."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conformance.waiting import in_time
from waystation import Step, StepContext, Waystation, Workflow, open_store, step, workflow
from waystation.core.entries import StepSucceeded
from waystation.errors import StoreUnavailable
from waystation.store import Store
from waystation.store.passing import PassingStore
from waystation.store.protocol import StoreTransaction
from waystation.store.records import Commit

pytestmark = pytest.mark.anyio


class Severed:
    """A transaction whose connection broke."""

    def __init__(self, inner: StoreTransaction) -> None:
        self._inner = inner

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> Sequence[tuple[object, ...]]:
        await self._inner.execute(sql, parameters)
        raise StoreUnavailable

    async def roll_back(self) -> None:
        await self._inner.roll_back()


class AwayStore(PassingStore):
    """A store that is away at the first call of a kind, once ``goes`` says so."""

    def __init__(self, store: Store, goes: str) -> None:
        super().__init__(store)
        self._goes = goes

    def _is_away(self, for_what: str) -> bool:
        if self._goes != for_what:
            return False
        self._goes = ""
        return True

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        if any(b"once-recorded" in entry for entry in commit.entries) and self._is_away("once"):
            raise StoreUnavailable
        await super().commit(commit, within=within)

    async def transaction(self) -> StoreTransaction:
        if self._is_away("begin"):
            raise StoreUnavailable
        inner = await super().transaction()
        return Severed(inner) if self._is_away("execute") else inner


@step
async def first(text: str) -> str:
    return text


@step
async def once(text: str, ctx: StepContext) -> str:
    return await ctx.once("letter", lambda: f"{text} sent", returns=str)


@step
async def pay(text: str, ctx: StepContext) -> str:
    async with ctx.transaction() as transaction:
        await transaction.execute("INSERT INTO paid VALUES (?)", (text,))
    return text


@step
def pay_in_a_thread(text: str, ctx: StepContext) -> str:
    with ctx.transaction_sync() as transaction:
        transaction.execute("INSERT INTO paid VALUES (?)", (text,))
    return text


@step
async def pay_in_a_group(text: str, ctx: StepContext) -> str:
    async with asyncio.TaskGroup() as group:
        group.create_task(pay.fn(text, ctx))  # type: ignore[arg-type]  # it is a coroutine: ``pay`` is async, which the type of ``fn`` leaves open
    return text


def flow_of(made: Step[str, str]) -> Workflow[str, str]:
    return workflow("flow", input=str, output=str).then(first).sleep(timedelta(milliseconds=1)).then(made).commit()


@pytest.mark.parametrize(
    ("goes", "made"),
    [
        ("once", once),
        ("begin", pay),
        ("execute", pay),
        ("execute", pay_in_a_thread),
        ("execute", pay_in_a_group),
    ],
    ids=lambda value: getattr(value, "id", value),
)
async def test_a_step_that_finds_the_store_away_has_not_failed(goes: str, made: Step[str, str], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    opened = open_store(url)
    await opened.open()
    await opened.close()
    with closing(sqlite3.connect(tmp_path / "runs.db")) as connection:
        connection.execute("CREATE TABLE paid (text TEXT)")
    flow = flow_of(made)
    store = AwayStore(open_store(url), goes)
    async with in_time(), Waystation(workflows=[flow], store=store, recover_every=timedelta(milliseconds=20)) as app:
        run = await app.get_workflow(flow).start_async("text")
        while (await run.status()) not in ("success", "failed"):
            await asyncio.sleep(0.005)
        result = await run.result()
        assert result.status == "success", result
        attempts = [entry.attempt for entry in await run.journal() if isinstance(entry, StepSucceeded)]
    assert attempts == [1, 1]
    assert not store._goes, "it never was away"
    if goes in ("begin", "execute"):
        with closing(sqlite3.connect(tmp_path / "runs.db")) as connection:
            assert connection.execute("SELECT text FROM paid").fetchall() == [("text",)]
