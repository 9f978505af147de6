"""What the command's exit codes mean. Programs rely on them: they never change."""

from __future__ import annotations

from enum import IntEnum

from waystation.errors import (
    DefinitionChanged,
    DefinitionError,
    DispatchError,
    DispatchUrlInvalid,
    ExtraMissing,
    IdentityInvalid,
    ListenFailed,
    ListenRefused,
    RemoteError,
    RunFileInvalid,
    RunNotFound,
    ServerError,
    ServerUrlInvalid,
    StoreError,
    TokenFileInvalid,
    TokenInvalid,
    UnknownEvent,
    UnknownSchedule,
    UnknownStep,
    UnknownToken,
    UnknownWorkflow,
    WaystationError,
)


class Exit(IntEnum):
    """The exit codes."""

    OK = 0
    """Done; of ``run`` and ``resume``: the run succeeded; of ``check``: every run can go on."""
    FAILED = 1
    """The run failed; of ``check``: some run cannot go on."""
    USAGE = 2
    """The command was used wrongly, or the app cannot be loaded."""
    SUSPENDED = 3
    """The run is suspended: it waits for an answer."""
    NOT_FOUND = 4
    """There is no such run, workflow, step, schedule, event or token."""
    REFUSED = 5
    """The data does not fit, or the run is not in a state for it; nothing was changed."""
    DEFINITION_CHANGED = 6
    """The code at hand cannot continue the run; nothing was changed."""
    STORE = 7
    """The store could not do what was asked."""
    SERVER = 8
    """The server cannot be reached, or refuses the request: whose token it is, or what it may."""
    DISPATCH = 9
    """What places runs on a fleet cannot be reached, or refuses; the runs stay as they were."""


class UsageError(WaystationError):
    """The command was used wrongly."""

    code = "usage"


def exit_for(error: WaystationError) -> Exit:
    """The exit code that tells of ``error``."""
    match error:
        case UsageError() | DefinitionError() | ExtraMissing() | ServerUrlInvalid() | DispatchUrlInvalid():
            return Exit.USAGE
        case ListenRefused() | ListenFailed() | TokenFileInvalid() | TokenInvalid() | IdentityInvalid():
            return Exit.USAGE
        case DispatchError():
            return Exit.DISPATCH
        case RunNotFound() | UnknownWorkflow() | UnknownStep() | UnknownSchedule() | UnknownEvent() | UnknownToken():
            return Exit.NOT_FOUND
        case RemoteError() | ServerError():
            return Exit.SERVER
        case DefinitionChanged():
            return Exit.DEFINITION_CHANGED
        case RunFileInvalid():
            return Exit.REFUSED
        case StoreError():
            return Exit.STORE
        case _:  # DataError, and what a run is not in a state for
            return Exit.REFUSED
