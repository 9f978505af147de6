"""Data that does not fit its schema; found before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from waystation.errors.root import WaystationError


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
        more = f" (and {len(self.problems) - 5} more)" if len(self.problems) > 5 else ""  # noqa: PLR2004  (five are shown)
        place = f" ({', '.join(where)})" if where else ""
        return f"{self.subject} does not fit its schema{place}: {shown}{more}"

    def located(self, kind: type[DataError], *, workflow_id: str, address: str) -> DataError:
        """The same problems as an error of ``kind`` that names its workflow and address."""
        return kind(self.problems, workflow_id=workflow_id, address=address)


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
