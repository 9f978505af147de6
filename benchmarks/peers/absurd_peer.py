"""absurd: tasks that live in PostgreSQL, made by a client and done by workers.

Its documented worker polls every quarter of a second. Here a worker is called the moment there is work, which is as
fast as it can be; each of sixteen workers has a connection of its own, and one more the client. There is no graph: a
chain, a loop and a foreach of single steps are one and the same loop in Python.
"""

# mypy: disable-error-code="import-not-found, no-any-return"
# pyright: basic, reportMissingImports=false
# ruff: noqa: ARG002  (all peers are asked alike)
# absurd is installed in the peers' environment alone.

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import psycopg
from absurd_sdk import AsyncAbsurd

from benchmarks.peers.protocol import Count, Untyped

_WORKERS = 16

_TASKS = "SELECT (params->>'number')::int, task_id::text FROM absurd.t_default WHERE task_name = 'gate'"
"""The runs that another process has begun, whose ids a caller of its would have kept."""


async def steps_in_turn(params: dict[str, int], ctx: Untyped) -> Count:
    count: Count = {"n": 0}
    for index in range(params["steps"]):
        count = await ctx.step(f"step-{index}", _more(count))
    return count


async def gated(params: dict[str, int], ctx: Untyped) -> Count:
    count = await ctx.step("before", _more({"n": 0}))
    await ctx.await_event(f"answer-{params['number']}")
    return await ctx.step("after", _more(count))


def _more(count: Count) -> Callable[[], Awaitable[Count]]:
    async def more() -> Count:
        return {"n": count["n"] + 1}

    return more


class Measured:
    version = version("absurd-sdk")
    shapes = ("loop",)

    def __init__(self, store: str, _setting: str) -> None:
        self._store = store
        self._tasks: dict[int, str] = {}

    def prepare(self, shape: str, steps: int) -> None:
        """The schema is made by the command that comes with it; on a database that has it this changes nothing."""
        command = Path(sys.executable).with_name("absurdctl")
        for arguments in (["init"], ["create-queue", "default"]):
            given = {**os.environ, "ABSURD_DATABASE_URL": self._store}
            done = subprocess.run([command, *arguments], env=given, check=False, capture_output=True, text=True)
            if done.returncode and "already" not in done.stderr + done.stdout:
                raise RuntimeError(f"absurdctl {arguments[0]}: {done.stderr or done.stdout}")
        with psycopg.connect(self._store) as connection:
            self._tasks = dict(connection.execute(_TASKS).fetchall())

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        self._client = AsyncAbsurd(self._store)
        self._workers: asyncio.Queue[AsyncAbsurd] = asyncio.Queue()
        for _ in range(_WORKERS):
            worker = AsyncAbsurd(self._store)
            self._workers.put_nowait(worker)
            worker.register_task(name="steps")(steps_in_turn)
            worker.register_task(name="gate")(gated)
        self._client.register_task(name="steps")(steps_in_turn)
        self._client.register_task(name="gate")(gated)
        yield

    async def _work(self) -> None:
        """Have the next worker do the task that has waited longest."""
        worker = await self._workers.get()
        try:
            await worker.work_batch(batch_size=1)
        finally:
            self._workers.put_nowait(worker)

    async def run(self, shape: str, steps: int) -> int:
        return await self.run_among(shape, steps)

    async def run_among(self, shape: str, steps: int) -> int:
        task = (await self._client.spawn("steps", {"steps": steps}))["task_id"]
        return await self._result(task)

    async def _result(self, task: str) -> int:
        """A worker may be given another's task, or none while others are choosing theirs; so until this one is done."""
        await self._work()
        while (found := await self._client.fetch_task_result(task)).state != "completed":
            assert found.state != "failed", found
            await self._work()
        return found.result["n"]

    async def park(self, number: int) -> None:
        self._tasks[number] = (await self._client.spawn("gate", {"number": number}))["task_id"]
        await self._work()

    async def park_among(self, number: int) -> None:
        await self.park(number)

    async def answer(self, number: int) -> int:
        await self._client.emit_event(f"answer-{number}", 1)
        return await self._result(self._tasks[number])
