"""Steps that many behaviour tests use, and what they ask of results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from waystation import ErrorRecord, Event, Run, RunResult, StepContext, Suspension, step
from waystation.core.entries import AnyEntry
from waystation.store.records import RunStatus

T = TypeVar("T")
In = TypeVar("In")
Out = TypeVar("Out")
E = TypeVar("E", bound=AnyEntry)


@step
async def add_one(number: int) -> int:
    return number + 1


@step
def double(number: int) -> int:
    return number * 2


@step
async def fail(number: int) -> int:
    raise ValueError(f"not {number}")


@step(suspend=str, resume=int)
async def ask(number: int, ctx: StepContext[str, int]) -> int:
    """Asks for a number, and adds it."""
    if ctx.resume_data is None:
        await ctx.suspend(f"{number}?", label=f"label-{number}")
    return number + ctx.resume_data


def won(result: RunResult[T]) -> T:
    """What a run that went well gave."""
    assert result.status == "success", result
    return result.result


def lost(result: RunResult[T]) -> ErrorRecord:
    """Why a run failed."""
    assert result.status == "failed", result
    return result.error


def waits(result: RunResult[T]) -> tuple[Suspension, ...]:
    """What a run is suspended at, oldest first."""
    assert result.status == "suspended", result
    return result.suspensions


def waits_at(result: RunResult[T]) -> list[str]:
    """Where a run is suspended, in the order of the addresses."""
    return sorted(suspension.address for suspension in waits(result))


async def recorded(run: Run[In, Out], kind: type[E]) -> list[E]:
    """The entries of one kind in a run's journal."""
    return [entry for entry in await run.journal() if isinstance(entry, kind)]


async def until(events: AsyncIterator[Event], kind: str, address: str = "") -> Event:
    """Read events up to the first of that kind, at that address if one is given."""
    async with asyncio.timeout(20):
        async for event in events:
            if event.type == kind and address in ("", getattr(event, "address", "")):
                return event
    raise AssertionError(f"the run ended without {kind!r}")


async def comes_to(run: Run[In, Out], status: RunStatus) -> None:
    """Wait until a run stands so in the store."""
    async with asyncio.timeout(20):
        while await run.status() != status:
            await asyncio.sleep(0.001)
