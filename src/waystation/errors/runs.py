"""Requests that do not fit the run as it stands; nothing was changed."""

from __future__ import annotations

from collections.abc import Sequence

from waystation.errors.root import WaystationError


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
    """With this idempotency key something else was asked before: a start with other input, another answer."""

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
