"""The errors of the server, raised again on this side: the same class, the same fields, the same message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from waystation.client.wire import Problem, Unreadable
from waystation.errors import (
    AmbiguousSuspension,
    DataError,
    DefinitionChanged,
    RemoteError,
    RunError,
    RunFileInvalid,
    WaystationError,
)


def raised_again(problem: Problem, status: int) -> WaystationError:
    """The error that the server told of; a ``RemoteError`` if its code is not known here."""
    message = problem.detail or problem.message or problem.title
    kind = _kinds().get(problem.code)
    if kind is None or issubclass(kind, RemoteError):
        return RemoteError(f"the server answered {status}, {problem.code}: {message}", status=status)
    error = _made(kind, problem, message)
    # As the server said it: what a class makes of its fields may have been left out on the way.
    error.message, error.args = message, (message,)
    return error


def unreadable(problem: Unreadable) -> WaystationError:
    """The error that keeps the server from telling how a run stands."""
    told = Problem(code=problem.code, detail=problem.message, run_id=problem.run_id, differences=problem.differences)
    return raised_again(told, 200)


def _made(kind: type[WaystationError], problem: Problem, message: str) -> WaystationError:
    run_id = problem.run_id or ""
    if issubclass(kind, DataError):
        problems = problem.problems or [(problem.field or "", message)]
        return kind(problems, workflow_id=problem.workflow_id, address=problem.address)
    if issubclass(kind, AmbiguousSuspension):
        return kind(message, run_id=run_id, addresses=problem.addresses)
    if issubclass(kind, DefinitionChanged):
        return kind(run_id=run_id, workflow_id=problem.workflow_id or "", differences=problem.differences)
    if issubclass(kind, RunError):
        return kind(message, run_id=problem.run_id)
    if issubclass(kind, RunFileInvalid):
        return kind(message, line=problem.line)
    return kind(message)


def _kinds() -> Mapping[str, type[WaystationError]]:
    return {kind.code: kind for kind in _below(WaystationError)}


def _below(kind: type[WaystationError]) -> Iterator[type[WaystationError]]:
    # Those of this library alone: a subclass of a user's takes what it will.
    if kind.__module__.startswith("waystation.errors"):
        yield kind
    for each in kind.__subclasses__():
        yield from _below(each)
