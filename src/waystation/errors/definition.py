"""What is wrong with a definition; found before anything runs."""

from __future__ import annotations

from waystation.errors.root import WaystationError


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
