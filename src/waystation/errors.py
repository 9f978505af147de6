"""The one tree of errors.

Every public error class carries a stable ``code`` (for programs: it never changes, messages may), a one-line
docstring that is its default message, and the fields a program needs to react. A message says what happened,
where, and what to do about it.

    WaystationError
    ├── DefinitionError   the workflow's definition is wrong: found before anything runs
    ├── DataError         data does not fit its schema: found before anything is written
    ├── RunError          the request does not fit the state of the run: nothing was changed
    ├── StepError         what can go wrong while a step runs
    └── StoreError        the store could not do what was asked: nothing is half-written
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class WaystationError(Exception):
    """Something went wrong in Waystation."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None) -> None:
        self.message = message if message is not None else (type(self).__doc__ or "").split("\n", 1)[0]
        super().__init__(self.message)


# --------------------------------------------------------------------------- definition


class DefinitionError(WaystationError):
    """The definition of a step or workflow is wrong."""

    code = "definition_error"


class InvalidId(DefinitionError):
    """An id may hold letters, digits, '_', '-' and '.', must start with a letter or digit, and be at most 100 long."""

    code = "invalid_id"


class InvalidSignature(DefinitionError):
    """A step function takes its input and, if it wants one, a StepContext; input and result are annotated."""

    code = "invalid_signature"


class UnsupportedType(DefinitionError):
    """No schema can be made for this type."""

    code = "unsupported_type"


class DuplicateId(DefinitionError):
    """Two nodes of one workflow have the same id."""

    code = "duplicate_id"


class TypesDoNotMeet(DefinitionError):
    """A step's output type is not what the next step takes."""

    code = "types_do_not_meet"


class OutputMismatch(TypesDoNotMeet):
    """The last step's output type is not the workflow's declared output."""

    code = "output_mismatch"


class EmptyWorkflow(DefinitionError):
    """The workflow has no steps."""

    code = "empty_workflow"


class NotCommitted(DefinitionError):
    """The workflow was not committed: end its definition with .commit()."""

    code = "not_committed"


class DuplicateWorkflow(DefinitionError):
    """Two workflows of one app have the same id."""

    code = "duplicate_workflow"


class UnusedBranchTarget(DefinitionError):
    """A switch has a child that no key leads to."""

    code = "unused_branch_target"


class InvalidDuration(DefinitionError):
    """A sleep or timeout cannot be negative."""

    code = "invalid_duration"


class InvalidConcurrency(DefinitionError):
    """A concurrency is a whole number, 1 or more."""

    code = "invalid_concurrency"


class InvalidCron(DefinitionError):
    """The cron expression or its time zone is not one that is known."""

    code = "invalid_cron"


class CronNeverFires(InvalidCron):
    """The cron expression names no time that ever comes."""

    code = "cron_never_fires"


# --------------------------------------------------------------------------- data


class DataError(WaystationError):
    """Data does not fit its schema.

    Attributes:
        workflow_id: the workflow, where known.
        address: the step's address in the run, ``"input"`` for the run's own input, where known.
        field: where in the data, dotted (``"lines.3.price"``), empty for the whole value.
        reason: what is wrong there.
        problems: every problem found, as (field, reason) pairs; ``field`` and ``reason`` are the first.
    """

    code = "invalid_data"
    subject: ClassVar[str] = "data"

    def __init__(
        self,
        problems: Sequence[tuple[str, str]],
        *,
        workflow_id: str | None = None,
        address: str | None = None,
    ) -> None:
        self.problems = tuple(problems) or (("", "is not valid"),)
        self.field, self.reason = self.problems[0]
        self.workflow_id = workflow_id
        self.address = address
        super().__init__(self._text())

    def _text(self) -> str:
        where = [f"workflow {self.workflow_id!r}"] if self.workflow_id else []
        if self.address:
            where.append(f"at {self.address!r}")
        shown = "; ".join(f"{field or 'the value'}: {reason}" for field, reason in self.problems[:5])
        more = f" (and {len(self.problems) - 5} more)" if len(self.problems) > 5 else ""  # noqa: PLR2004
        place = f" ({', '.join(where)})" if where else ""
        return f"{self.subject} does not fit its schema{place}: {shown}{more}"

    def located(self, kind: type[DataError], *, workflow_id: str, address: str) -> DataError:
        """The same problems as an error of ``kind`` that names its workflow and address."""
        return kind(self.problems, workflow_id=workflow_id, address=address)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_data_error, (type(self), self.problems, self.workflow_id, self.address))


def _rebuild_data_error(
    kind: type[DataError], problems: Sequence[tuple[str, str]], workflow_id: str | None, address: str | None
) -> DataError:
    return kind(problems, workflow_id=workflow_id, address=address)


class InvalidInput(DataError):
    """The input of a run or step does not fit its schema."""

    code = "invalid_input"
    subject = "input"


class InvalidOutput(DataError):
    """The output of a step or workflow does not fit its schema."""

    code = "invalid_output"
    subject = "output"


class InvalidSuspendPayload(DataError):
    """What a step gave to suspend() does not fit the step's suspend schema."""

    code = "invalid_suspend_payload"
    subject = "suspend payload"


class InvalidResumeData(DataError):
    """The answer to a suspension does not fit the step's resume schema."""

    code = "invalid_resume_data"
    subject = "resume data"


class InvalidState(DataError):
    """Run state does not fit its schema."""

    code = "invalid_state"
    subject = "run state"


class InvalidRequestContext(DataError):
    """The request context does not fit its schema."""

    code = "invalid_request_context"
    subject = "request context"


class InvalidEventData(DataError):
    """The data of an event does not fit the schema of the wait for it."""

    code = "invalid_event_data"
    subject = "event data"


class InvalidRecordedValue(DataError):
    """What a function given to ctx.once() returned cannot be recorded."""

    code = "invalid_recorded_value"
    subject = "recorded value"


# --------------------------------------------------------------------------- runs


class RunError(WaystationError):
    """The request does not fit the run as it stands; nothing was changed."""

    code = "run_error"

    def __init__(self, message: str | None = None, *, run_id: str | None = None) -> None:
        self.run_id = run_id
        super().__init__(message)


class UnknownWorkflow(RunError):
    """No workflow of that id is registered."""

    code = "unknown_workflow"


class RunNotFound(RunError):
    """No run of that id is in the store."""

    code = "run_not_found"


class RunAlreadyExists(RunError):
    """A run of that id exists already."""

    code = "run_already_exists"


class RunAlreadyStarted(RunError):
    """The run was started already; a run starts once."""

    code = "run_already_started"


class NotSuspended(RunError):
    """There is no open suspension to answer."""

    code = "not_suspended"


class AlreadyAnswered(NotSuspended):
    """The suspension was answered already; the first answer counts."""

    code = "already_answered"


class AmbiguousSuspension(RunError):
    """Several suspensions are open and none was named.

    Attributes:
        addresses: the addresses of the open suspensions, to choose from.
    """

    code = "ambiguous_suspension"

    def __init__(self, message: str, *, run_id: str, addresses: Sequence[str]) -> None:
        self.addresses = tuple(addresses)
        super().__init__(message, run_id=run_id)


class UnknownStep(RunError):
    """The workflow has no step of that id."""

    code = "unknown_step"


class DefinitionChanged(RunError):
    """The code at hand cannot continue this run: its journal does not fit the workflow's new definition.

    Attributes:
        differences: one readable line each.
    """

    code = "definition_changed"

    def __init__(self, *, run_id: str, workflow_id: str, differences: Sequence[str]) -> None:
        self.workflow_id = workflow_id
        self.differences = tuple(differences)
        listed = "\n".join(f"  - {line}" for line in self.differences)
        super().__init__(
            f"run {run_id!r} was begun under another definition of workflow {workflow_id!r}, and what it has "
            f"recorded does not fit the code at hand:\n{listed}\n"
            "Nothing was changed. Continue the run with the code it was begun under, or bring back what it needs.",
            run_id=run_id,
        )


class UnknownLabel(NotSuspended):
    """No open suspension has that label."""

    code = "unknown_label"


class UnknownItem(NotSuspended):
    """No open suspension is at that item of a foreach."""

    code = "unknown_item"


class UnknownEvent(RunError):
    """The workflow waits for no event of that name."""

    code = "unknown_event"


class RunEnded(RunError):
    """The run has ended; nothing can be changed about it any more."""

    code = "run_ended"


class RunIsRunning(RunError):
    """The run is under way in a live process."""

    code = "run_is_running"


class RunNotActive(RunError):
    """The run is not under way: it waits for someone, or was not started."""

    code = "run_not_active"


class RunNotPaused(RunError):
    """The run is not paused between two steps."""

    code = "run_not_paused"


class StepNotRun(RunError):
    """The step has not run in this run."""

    code = "step_not_run"


class IdempotencyConflict(RunError):
    """A run with this idempotency key was started with other input."""

    code = "idempotency_conflict"


class StartRefused(RunError):
    """The workflow's on_start hook refused the start; the run stays pending."""

    code = "start_refused"


class UnknownSchedule(RunError):
    """No schedule of that id is known."""

    code = "unknown_schedule"


class LeaseLost(RunError):
    """Another process has taken this run over; this one may no longer write to it."""

    code = "lease_lost"


class AppClosed(WaystationError):
    """The app was closed; what was running is handed over and goes on when an app opens the store again."""

    code = "app_closed"


class WrongLoop(WaystationError):
    """This app is already in use on another event loop; make an app for each loop."""

    code = "wrong_loop"


# --------------------------------------------------------------------------- steps


class StepError(WaystationError):
    """A step failed."""

    code = "step_failed"


class StepTimeout(StepError):
    """An attempt of the step ran longer than its timeout."""

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


# --------------------------------------------------------------------------- store


class StoreError(WaystationError):
    """The store could not do what was asked."""

    code = "store_error"


class StoreUrlInvalid(StoreError):
    """The store's address is not one that is known."""

    code = "store_url_invalid"


class StoreClosed(StoreError):
    """The store was closed."""

    code = "store_closed"


class StoreReadOnly(StoreError):
    """The store cannot be written to."""

    code = "store_read_only"


class StoreFull(StoreError):
    """There is no space left for the store."""

    code = "store_full"


class StoreBusy(StoreError):
    """Another process held the store's lock for too long."""

    code = "store_busy"


class StoreCorrupt(StoreError):
    """The store's file is damaged or not a database."""

    code = "store_corrupt"


class StoreSchemaNewer(StoreError):
    """The store was written by a newer version of Waystation; upgrade this one."""

    code = "store_schema_newer"


class StoreSchemaForeign(StoreError):
    """The database belongs to another program."""

    code = "store_schema_foreign"
