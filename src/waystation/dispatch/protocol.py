"""Who drives which run, where. The one seam between the engine and whatever places its runs."""

from __future__ import annotations

from typing import Protocol

from waystation.core.machine import Machine
from waystation.engine.creation import Taken


class Dispatcher(Protocol):
    """Sees to it that every run that can go on is driven by exactly one process.

    A run is driven until it rests: parked (nothing left but to wait for people or times) or ended.
    """

    async def start(self) -> None:
        """Begin to look for runs that nobody drives. Until then only what is handed in is driven."""

    async def stop(self) -> None:
        """Drive nothing any more, and hand over what was driven, at once."""

    async def ready(self) -> None:
        """To be awaited before a run is taken for this process: it must be known as an owner by then."""

    def drive(self, taken: Taken) -> None:
        """Drive a run that was taken for this process."""

    def nudge(self, run_id: str) -> None:
        """The journal of a run that is not this caller's to drive has grown: whoever drives it must look."""

    def watch(self) -> None:
        """Someone listens to a run: notice what other processes write, for as long as that is so."""

    async def rest(self, run_id: str) -> Machine:
        """Wait until the run rests where only a person or nothing moves it on, wherever it is driven.

        Raises:
            StoreError, DefinitionChanged: this process drove it and could not go on.
        """
        ...
