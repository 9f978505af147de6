"""Tells a store that fails from a step that failed.

A step reaches its run's store by its context: for ``once``, a transaction, another step's result. That the store's
server cannot be reached then, or that its disk is full, is no failure of the step, though it comes out of the step's
function: nothing is recorded of the attempt, the driver stops as if its process had died, and the run goes on once the
store does. Only damage does not pass: a step that meets it has failed, or it would be run again and again.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

from waystation.errors import StoreCorrupt, StoreError


class Outages:
    """What one run has been told of its store that fails."""

    def __init__(self) -> None:
        self._told: tuple[StoreError, ...] = ()

    @contextmanager
    def noticed(self) -> Generator[None]:
        """Notice one, in what reaches the store for a step."""
        try:
            yield
        except StoreCorrupt:
            raise
        except StoreError as error:
            self._told = (*self._told, error)
            raise

    def behind(self, error: BaseException) -> StoreError | None:
        """The one that came out of a step's function, alone or in a group; what it made of one is its own."""
        if isinstance(error, BaseExceptionGroup):
            group = cast("BaseExceptionGroup[BaseException]", error)
            return next((found for each in group.exceptions if (found := self.behind(each)) is not None), None)
        return next((told for told in self._told if told is error), None)
