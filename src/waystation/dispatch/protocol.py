"""Who drives which run, where. The one seam between the engine and whatever places its runs."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Protocol, TypeAlias

from waystation.core.machine import Machine
from waystation.engine.creation import Taken

Taking: TypeAlias = Coroutine[object, object, Taken | None]
"""Something that comes to a run from outside, and gives the run if it has taken it."""


class Dispatcher(Protocol):
    """Sees to it that every run that can go on is driven by exactly one process.

    A run is driven until it rests: parked (nothing left but to wait for people or times) or ended.
    """

    async def start(self) -> None:
        """Begin to look for runs that nobody drives. Until then only what is handed in is driven."""

    async def stop(self) -> None:
        """Drive nothing any more, and hand over what was driven, at once."""

    async def take(self, run_id: str, workflow_id: str, taking: Taking) -> None:
        """Have a run of this workflow taken, and see to it that it is driven; if it was not to be taken, tell whoever
        drives it that its journal has grown.

        It is carried through also when the caller is cancelled: what was taken durably is driven.

        Raises:
            AppClosed, and what ``taking`` raises; then nothing is driven.
        """
        ...

    async def take_to_rest(self, run_id: str, workflow_id: str, taking: Taking) -> Machine:
        """``take``, then ``rest``; whoever waits so waits from the moment that the run is taken. Raises as they do."""
        ...

    def deleted(self, run_id: str) -> None:
        """The run is gone: nobody need wait for it."""

    def watch(self) -> None:
        """Someone listens to a run: notice what other processes write, for as long as that is so."""

    async def rest(self, run_id: str) -> Machine:
        """Wait until the run rests where only a person or nothing moves it on, wherever it is driven.

        Raises:
            StoreError, DefinitionChanged: this process drove it and could not go on.
        """
        ...
