"""How a step's context, and the functions of the graph, reach the run they are part of."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Never, Protocol, TypeVar

import msgspec

from waystation.core.addresses import Address
from waystation.define.executable import Executable
from waystation.define.step import Step
from waystation.define.workflow import Workflow
from waystation.engine.outages import Outages
from waystation.engine.turns import StepTransaction

T = TypeVar("T")


class StepControl(msgspec.Struct):
    """How the driver reaches a step that is in flight.

    Attributes:
        is_cancelled: whether its run is cancelled, or its workflow has ended around it.
        is_ending: whether the driver has cancelled its task.
        is_apart: whether it runs in a task of its own, which nobody cancels but the driver and the step itself.
    """

    is_cancelled: bool = False
    is_ending: bool = False
    is_apart: bool = True
    _told: asyncio.Event | None = None  # made when first waited for: hardly any step does

    def cancel(self) -> None:
        """Tell the step, once."""
        self.is_cancelled = True
        if self._told is not None:
            self._told.set()

    async def cancelled(self) -> None:
        """Until the step is told."""
        if not self.is_cancelled:
            self._told = self._told or asyncio.Event()
            await self._told.wait()

    def is_cancelled_from_outside(self) -> bool:
        """Whether a ``CancelledError`` that came out of the step is the end of its task, and no failure of its own."""
        task = asyncio.current_task()
        return self.is_ending or (not self.is_apart and task is not None and task.cancelling() > 0)


class Ownership(Protocol):
    """Whether what is begun of a run still is this process's to begin: ``Owning``, for a driver."""

    def is_certain(self) -> bool:
        """Whether that is known without asking the store."""
        ...

    async def check(self) -> None:
        """See to it that it is.

        Raises:
            LeaseLost: it is not.
            StoreError.
        """


class RunAccess(Protocol):
    """What a context needs of the driver of its run.

    Attributes:
        owning: whether the run, or the attempt, still is this process's.
        outages: of the store, as the run has met them.
    """

    owning: Ownership
    outages: Outages

    async def recorded(self, address: Address, name: str) -> bytes | None:
        """The value ``once`` recorded under ``name``, as JSON."""
        ...

    async def record(self, address: Address, name: str, value: bytes) -> None:
        """Record a value of ``once``; durable when this returns."""

    def write(self, address: Address, attempt: int, chunk: bytes) -> None:
        """Have a chunk recorded soon, and at the latest with the step's end."""

    async def begin_transaction(self) -> StepTransaction:
        """Open the store's database to a step's writes."""
        ...

    async def output_of(self, near: Address, id_: str) -> bytes | None:
        """The output of a step that has succeeded, as JSON, seen from ``near``."""
        ...

    async def scope_input(self, near: Address) -> bytes:
        """The input of the workflow that ``near`` is in, as JSON."""
        ...

    def shared(self) -> Mapping[str, msgspec.Raw]:
        """The run state, by key."""
        ...

    def context(self) -> Mapping[str, msgspec.Raw]:
        """The request context, by key."""
        ...


async def load_result(access: RunAccess, near: Address, step: Executable[Never, T] | str) -> T | object | None:
    """The output of a step, as its type; of one named by its id, as plain data."""
    value = await access.output_of(near, step if isinstance(step, str) else step.id)
    if value is None:
        return None
    if isinstance(step, (Step, Workflow)):
        output: object = step.output.load(value)
        return output
    plain: object = msgspec.json.decode(value)
    return plain
