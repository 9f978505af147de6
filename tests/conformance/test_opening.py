"""An app is opened by whoever uses it first: it may be closed meanwhile, and the opening may fail."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.conformance.waiting import in_time
from waystation import Cron, Waystation, open_store, step, workflow
from waystation.errors import AppClosed, StoreUnavailable
from waystation.store.passing import PassingStore
from waystation.store.records import Schedule

pytestmark = pytest.mark.anyio


class Opened(PassingStore):
    """Is opened as late as the test wants, and may fail the first schedule that is put."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__(open_store("memory://"))
        self.is_opening = asyncio.Event()
        self.may_open = asyncio.Event()
        self.closed = 0
        self._fails = fails

    async def open(self) -> None:
        self.is_opening.set()
        await self.may_open.wait()
        await super().open()

    async def close(self) -> None:
        self.closed += 1
        await super().close()

    async def put_schedule(self, schedule: Schedule) -> Schedule:
        if self._fails:
            self._fails = False
            raise StoreUnavailable("away")
        return await super().put_schedule(schedule)


@step
async def add_one(number: int) -> int:
    return number + 1


daily = workflow("daily", input=int, output=int, schedule=Cron("0 9 * * *", input=1)).then(add_one).commit()


async def test_an_app_that_is_closed_while_it_is_opened_is_closed() -> None:
    store = Opened()
    app = Waystation(workflows=[daily], store=store)
    opening = asyncio.create_task(app.open())
    await store.is_opening.wait()
    waiting = asyncio.create_task(app.get_workflow(daily).start(1))
    closing = asyncio.create_task(app.close())
    await asyncio.sleep(0)
    store.may_open.set()
    async with in_time():
        await closing
        await opening
        with pytest.raises(AppClosed):
            await waiting
    assert store.closed == 1
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("waystation")]


async def test_an_app_whose_opening_failed_is_opened_by_the_next_use_and_recovers() -> None:
    store = Opened(fails=True)
    store.may_open.set()
    app = Waystation(workflows=[daily], store=store, recover_every=timedelta(milliseconds=5))
    with pytest.raises(StoreUnavailable):
        await app.open()
    async with in_time():
        result = await app.get_workflow(daily).start(1)
        assert result.status == "success"
        assert "waystation recovery" in {task.get_name() for task in asyncio.all_tasks()}
        await app.close()
    assert store.closed == 1
