"""What a process leaves behind is shared out: whoever looks first does not take it all while others idle."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conformance.waiting import in_time, until
from waystation import StepContext, Waystation, open_store, step, workflow
from waystation.core.refs import Millis
from waystation.dispatch.local import LocalDispatcher
from waystation.store.passing import PassingStore
from waystation.store.records import WorkflowKey

pytestmark = pytest.mark.anyio

began: Counter[str] = Counter()


@step
async def held(number: int, ctx: StepContext) -> int:
    began[str(ctx.agents["name"])] += 1
    await asyncio.Event().wait()
    return number


holding = workflow("holding", input=int, output=int).then(held).commit()


class LookingStore(PassingStore):
    """Tells when a look for runs is over."""

    def __init__(self, path: Path) -> None:
        super().__init__(open_store(f"sqlite:///{path}"))
        self.looked = asyncio.Event()

    async def next_wake(self, workflows: Sequence[WorkflowKey], *, after: Millis | None = None) -> Millis | None:
        self.looked.set()
        return await super().next_wake(workflows, after=after)


class Survivor:
    """An app that looks for runs when it is told to, and not before an hour has passed else."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self.store = LookingStore(path)
        self.app = Waystation(
            workflows=[holding],
            agents={"name": name},
            store=self.store,
            recover_every=timedelta(hours=1),
            grace=timedelta(0),
        )

    async def look(self) -> int:
        """Look once; how many runs it drives by then."""
        self.store.looked.clear()
        _, dispatcher = await self.app.opened()
        assert isinstance(dispatcher, LocalDispatcher)
        dispatcher._recovery.seek()
        await self.store.looked.wait()
        return await self.driven()

    async def driven(self) -> int:
        _, dispatcher = await self.app.opened()
        assert isinstance(dispatcher, LocalDispatcher)
        return len(dispatcher.driven)

    async def begin(self, count: int) -> None:
        for number in range(count):
            await self.app.get_workflow(holding).start_async(number)

        async def all_began() -> bool:
            return began[self.name] == count

        await until(all_began)


async def test_each_survivor_takes_a_share_of_what_is_left_and_all_is_taken(tmp_path: Path) -> None:
    began.clear()
    survivors = [Survivor(tmp_path / "runs.db", name) for name in "abc"]
    a, b, c = survivors
    async with in_time(), a.app, b.app, c.app:
        leaving = Survivor(tmp_path / "runs.db", "leaving")
        await leaving.begin(60)
        assert [await each.look() for each in survivors] == [0, 0, 0]  # they know of each other by this
        await leaving.app.close()
        assert [await a.look(), await b.look(), await c.look()] == [20, 14, 9]
        # Whoever looks again takes a share of the rest; the last few are not shared.
        assert [await a.look(), await b.look(), await c.look()] == [28, 22, 10]
        assert [await each.driven() for each in survivors] == [28, 22, 10]


async def test_a_single_survivor_takes_all_at_once(tmp_path: Path) -> None:
    began.clear()
    alone = Survivor(tmp_path / "runs.db", "alone")
    async with in_time(), alone.app:
        leaving = Survivor(tmp_path / "runs.db", "leaving")
        await leaving.begin(30)
        await leaving.app.close()
        assert await alone.look() == 30
