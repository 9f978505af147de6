"""What a step holds of its transaction while it is in the block that opened it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from waystation.define.context import Transaction
from waystation.errors import TransactionMisused


class Block:
    """A transaction as long as its block goes on.

    Attributes:
        is_over: whether it has ended; the transaction itself ends with the step.
    """

    def __init__(self, step_id: str, transaction: Transaction) -> None:
        self.is_over = False
        self._step_id = step_id
        self._transaction = transaction

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> Sequence[tuple[object, ...]]:
        """See ``Transaction``."""
        if self.is_over:
            raise TransactionMisused(f"step {self._step_id!r} used its transaction outside of the block that opened it")
        return await self._transaction.execute(sql, parameters)


class Blocking:
    """A transaction for a step function that is not ``async``."""

    def __init__(self, execute: Callable[[str, Sequence[object]], Sequence[tuple[object, ...]]]) -> None:
        self._execute = execute

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> Sequence[tuple[object, ...]]:
        """See ``SyncTransaction``."""
        return self._execute(sql, parameters)


async def leave(entered: AbstractAsyncContextManager[Transaction], error: BaseException | None) -> None:
    """Leave the block, by ``error`` if there is one; that is for the caller to raise."""
    if error is None:
        await entered.__aexit__(None, None, None)
    else:
        try:
            await entered.__aexit__(type(error), error, error.__traceback__)
        except BaseException as raised:
            if raised is not error:
                raise
