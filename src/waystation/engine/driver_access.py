"""What the steps and functions of a run ask of its driver: ``RunAccess``, as a driver gives it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Protocol

import msgspec

from waystation.core.addresses import Address
from waystation.core.machine import Machine
from waystation.core.signals import Recorded, Signal, Wrote
from waystation.engine.access import Ownership
from waystation.engine.clock import Clock
from waystation.engine.engine import Engine
from waystation.engine.outages import Outages
from waystation.engine.reading import RunReader
from waystation.engine.turns import StepTransaction

_WRITE_EVERY = 0.05
"""What steps write is recorded this often, in seconds."""


class Recorder(Protocol):
    """The driver, as far as this needs it; or whoever records for a step that runs apart from it."""

    @property
    def machine(self) -> Machine:
        """Where the run stands."""
        ...

    async def record(self, given: Sequence[Signal]) -> bool:
        """Make signals durable."""
        ...

    async def caught_up(self) -> None:
        """See to it that the machine is not ahead of the journal."""

    async def begin_transaction(self) -> StepTransaction:
        """Open the store's database to a step's writes."""
        ...

    def beside_the_loop(self, work: Coroutine[object, object, None]) -> None:
        """Have ``work`` done in a task of its own."""


class Written:
    """What the steps of a run have written and was not recorded yet.

    Attributes:
        chunks: each with the step's address and attempt.
    """

    def __init__(self, clock: Clock) -> None:
        self.chunks: list[tuple[Address, int, bytes]] = []
        self._clock = clock

    def take(self) -> list[Signal]:
        """All of it, to go before whatever is recorded next."""
        taken, self.chunks = self.chunks, []
        chunks: dict[tuple[Address, int], list[bytes]] = {}
        for address, attempt, chunk in taken:
            chunks.setdefault((address, attempt), []).append(chunk)
        now = self._clock.now()
        return [Wrote(address, attempt, now, tuple(of)) for (address, attempt), of in chunks.items()]


class DriverAccess:
    """See ``RunAccess``.

    Arguments:
        written: where ``driver`` finds what is to be recorded with what it records next.
    """

    def __init__(
        self,
        driver: Recorder,
        reader: RunReader,
        engine: Engine,
        owning: Ownership,
        outages: Outages,
        written: Written,
    ) -> None:
        self.owning = owning
        self.outages = outages
        self._driver = driver
        self._reader = reader
        self._clock = engine.clock
        self._written = written

    async def recorded(self, address: Address, name: str) -> bytes | None:
        """The value ``ctx.once`` recorded under ``name``."""
        with self.outages.noticed():
            await self._driver.caught_up()
            frame = self._driver.machine.step_frame(address)
            seq = frame.once.get(name) if frame is not None else None
            return None if seq is None else await self._reader.value(seq)

    async def record(self, address: Address, name: str, value: bytes) -> None:
        """Record a value of ``ctx.once``, durably."""
        with self.outages.noticed():
            await self._driver.record([Recorded(address, self._clock.now(), name, value)])

    def write(self, address: Address, attempt: int, chunk: bytes) -> None:
        """Have a chunk recorded soon."""
        self._written.chunks.append((address, attempt, chunk))
        if len(self._written.chunks) == 1:
            self._driver.beside_the_loop(self._flush_written())

    async def _flush_written(self) -> None:
        await asyncio.sleep(_WRITE_EVERY)
        if self._written.chunks:
            await self._driver.record([])  # if it fails the driver does: the step must not end without what it wrote

    async def begin_transaction(self) -> StepTransaction:
        """Open the store's database to a step's writes."""
        return await self._driver.begin_transaction()

    async def output_of(self, near: Address, id_: str) -> bytes | None:
        """The output of a step that has succeeded, seen from ``near``."""
        with self.outages.noticed():
            return await self._reader.output_of(self._driver.machine, near, id_)

    async def scope_input(self, near: Address) -> bytes:
        """The input of the workflow that ``near`` is in."""
        with self.outages.noticed():
            return await self._reader.scope_input(self._driver.machine, near)

    def shared(self) -> Mapping[str, msgspec.Raw]:
        """The run state as it is now."""
        return dict(self._driver.machine.state.shared)

    def context(self) -> Mapping[str, msgspec.Raw]:
        """The request context as it is now."""
        return self._driver.machine.state.context
