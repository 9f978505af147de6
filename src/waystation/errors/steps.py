"""What can go wrong while a step runs."""

from __future__ import annotations

from waystation.errors.root import WaystationError


class StepError(WaystationError):
    """A step failed."""

    code = "step_failed"


class StepTimeout(StepError, TimeoutError):
    """An attempt of the step ran longer than its timeout.

    It is a ``TimeoutError`` too, so that whoever names that one, in ``Retry(on=...)`` say, means both.
    """

    code = "step_timeout"


class NonRetryable(StepError):
    """Raise this in a step to fail it at once, whatever its retry policy."""

    code = "non_retryable"


class EventTimeout(StepError):
    """No matching event came in time."""

    code = "event_timeout"


class NoSuchCase(StepError):
    """The switch's key led to no case, and there is no default."""

    code = "no_such_case"


class NotAList(StepError):
    """A foreach was given something that is no list."""

    code = "not_a_list"


class NegativeSleep(StepError):
    """A sleep's function gave a negative time."""

    code = "negative_sleep"


class BadConcurrency(StepError):
    """A foreach's function gave a concurrency below 1."""

    code = "bad_concurrency"


class TransactionsNotSupported(StepError):
    """The store has no SQL database to write to together with a step's result."""

    code = "transactions_not_supported"


class TransactionMisused(StepError):
    """A step's transaction was used in a way that could not keep its promise."""

    code = "transaction_misused"


class SuspendNotAllowed(StepError):
    """The step called suspend() but was declared without suspend= and resume=."""

    code = "suspend_not_allowed"
