"""DBOS, by its decorated functions.

Its documentation names PostgreSQL for production and SQLite for development. Settings that differ from its defaults,
each as the docstring of its ``DBOSConfig`` and of ``get_result`` has it: the admin server is off, and what is polled is
polled every 10 ms instead of every second. Steps alone are run by its synchronous functions, which are faster there; a
hundred at once by the asynchronous ones.

A program of code has no graph: a chain, a loop and a foreach of single steps are one and the same loop in Python.
"""

# mypy: disable-error-code="import-not-found, untyped-decorator, no-any-return"
# pyright: basic, reportMissingImports=false
# ruff: noqa: ARG002  (all peers are asked alike)
# DBOS is installed in the peers' environment alone.

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from importlib.metadata import version

from dbos import DBOS, SetWorkflowID

from benchmarks.peers.protocol import Count

_OFTEN = 0.01
_A_DAY = 86_400


@DBOS.step()
def more(count: Count) -> Count:
    return {"n": count["n"] + 1}


@DBOS.step()
async def more_async(count: Count) -> Count:
    return {"n": count["n"] + 1}


@DBOS.workflow()
def steps_in_turn(steps: int) -> Count:
    count: Count = {"n": 0}
    for _ in range(steps):
        count = more(count)
    return count


@DBOS.workflow()
async def steps_in_turn_async(steps: int) -> Count:
    count: Count = {"n": 0}
    for _ in range(steps):
        count = await more_async(count)
    return count


_parked: dict[int, Future[None]] = {}
"""How the caller learns that a run of this process waits, at no cost to DBOS, which has no call that tells, and
runs it in another thread."""


@DBOS.workflow()
async def gated(number: int) -> Count:
    count = await more_async({"n": 0})
    if number in _parked:
        _parked.pop(number).set_result(None)
    await DBOS.recv_async("answer", timeout_seconds=_A_DAY)
    return await more_async(count)


class Measured:
    """One process of DBOS; there can be no two in one process."""

    version = version("dbos")
    shapes = ("loop",)

    def __init__(self, store: str, _setting: str) -> None:
        self._store = store

    def prepare(self, shape: str, steps: int) -> None:
        pass

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        DBOS(
            config={
                "name": "bench",
                "system_database_url": self._store,
                "log_level": "ERROR",
                "application_version": "1",
                "executor_id": "local",
                "run_admin_server": False,
                "notification_listener_polling_interval_sec": _OFTEN,
            }
        )
        DBOS.launch()
        yield

    async def run(self, shape: str, steps: int) -> int:
        return steps_in_turn(steps)["n"]

    async def run_among(self, shape: str, steps: int) -> int:
        return (await steps_in_turn_async(steps))["n"]

    async def park(self, number: int) -> None:
        await self.park_among(number)

    async def park_among(self, number: int) -> None:
        parked = _parked[number] = Future()
        with SetWorkflowID(f"run-{number}"):
            await DBOS.start_workflow_async(gated, number)
        await asyncio.wrap_future(parked)

    async def answer(self, number: int) -> int:
        await DBOS.send_async(f"run-{number}", "yes", topic="answer")
        handle = await DBOS.retrieve_workflow_async(f"run-{number}")
        return (await handle.get_result(polling_interval_sec=_OFTEN))["n"]
