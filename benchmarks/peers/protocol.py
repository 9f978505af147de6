"""What is asked of everyone who is measured: the same work, through their own public API.

The work is the same for all. A *step* takes ``{"n": 4}`` and gives ``{"n": 5}``; it does nothing else. A run counts as
done when its result is in the hands of the caller; as parked when the caller knows that it waits for an answer. Each
peer makes its runs as its documentation says it is done fastest.

This module and all that it imports is run in the peers' environment too: the standard library is all it may need.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeAlias, TypedDict

CHAIN = 10
"""So many steps has a run whose speed is measured."""


Untyped: TypeAlias = Any
"""What is of a peer's own types: its package is not installed where this program is checked."""


class Count(TypedDict):
    """What goes into a step, and comes out of it."""

    n: int


class Peer(Protocol):
    """A library at work on one store."""

    @property
    def version(self) -> str:
        """Of the library, as it is installed."""
        ...

    @property
    def shapes(self) -> tuple[str, ...]:
        """In which ways it can run many steps: ``chain`` (so many steps one after another), ``loop`` (one step so many
        times), ``foreach`` (one step on each item of a list, one at a time)."""
        ...

    def prepare(self, shape: str, steps: int) -> None:
        """Define a workflow of this shape; not measured. Called before ``opened``."""

    def opened(self) -> AbstractAsyncContextManager[None]:
        """Ready to work; the time from here to the first run is the start-up time."""
        ...

    async def run(self, shape: str, steps: int) -> int:
        """One run from its making to its result, with nothing beside it. Gives the ``n`` it ends with."""
        ...

    async def run_among(self, shape: str, steps: int) -> int:
        """The same, as it is done fastest when a hundred go on at once."""
        ...


class Gated(Peer, Protocol):
    """A peer whose runs can wait: a step, an answer from outside, a step."""

    async def park(self, number: int) -> None:
        """Begin run ``number``; it is parked when this returns."""

    async def park_among(self, number: int) -> None:
        """The same, as it is done fastest when a hundred go on at once."""

    async def answer(self, number: int) -> int:
        """Answer run ``number``, and give the ``n`` it ends with (2)."""
        ...
