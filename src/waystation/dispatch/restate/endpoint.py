"""What a worker serves to Restate: a virtual object for the runs of each of its workflows."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeAlias

from waystation.dispatch.restate.address import RestateAddress
from waystation.dispatch.restate.hanging_up import Connection, connection
from waystation.dispatch.restate.placed import NotNow
from waystation.errors import ExtraMissing, WaystationError

try:
    import restate
    from restate.exceptions import RetryableError
    from restate.serde import BytesSerde
    from restate.server_types import RestateAppT
except ImportError as error:
    raise ExtraMissing("a worker needs restate-sdk: install waystation[restate], which brings it") from error

RunStep: TypeAlias = Callable[[str, bytes, Connection], Awaitable[bytes]]
"""Runs a step of a workflow's run, and gives what came of it to whom it is told."""

_log = logging.getLogger("waystation.worker")

_FOR_EVER = timedelta(days=3650)
"""A step takes as long as it takes, and says nothing meanwhile: that its worker lives, Restate sees by the connection,
and other workers by its lease."""

_KEYS_ARE_KEPT = timedelta(minutes=1)
"""For how long after a call for an epoch of a run another for the same epoch is not made."""

_RESULTS_ARE_KEPT = timedelta(minutes=10)
"""For how long the result of a step can be asked for again, by who drives its run on after its driver died."""

_RETRIES = restate.InvocationRetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    exponentiation_factor=2.0,
    max_interval=timedelta(seconds=10),
    max_attempts=2**31 - 1,  # a run is never given up because its worker or its store was away
)


def endpoint(
    address: RestateAddress,
    workflow_ids: Sequence[str],
    drive: Callable[[str], Awaitable[str]],
    run_step: RunStep,
    *,
    identity_keys: Sequence[str],
) -> RestateAppT:
    """The ASGI application of a worker.

    Arguments:
        drive: drives the run of an id until it rests.
        run_step: runs a step of a workflow's run.
        identity_keys: public keys of the Restates that may call it; empty where everyone who reaches it may.
    """
    runs = [_runs(address.run_object(workflow_id), drive) for workflow_id in workflow_ids]
    steps = [_steps(address.step_service(workflow_id), workflow_id, run_step) for workflow_id in workflow_ids]
    return restate.app([*runs, *steps], protocol="bidi", identity_keys=list(identity_keys))


def _runs(name: str, drive: Callable[[str], Awaitable[str]]) -> restate.VirtualObject:
    runs = restate.VirtualObject(
        name,
        description="Runs of a Waystation workflow, each under its id. Waystation calls it; nobody else need.",
        inactivity_timeout=_FOR_EVER,
        abort_timeout=_FOR_EVER,
        journal_retention=timedelta(0),
        idempotency_retention=_KEYS_ARE_KEPT,
        state_preload=False,
        invocation_retry_policy=_RETRIES,
    )

    # Nothing is asked of ``ctx`` but its key: so the call's journal holds nothing, and any worker of any version can
    # make the call again.
    async def drive_run(ctx: restate.ObjectContext, request: bytes) -> bytes:  # noqa: ARG001  (why it was called is for those who look at Restate)
        with _made_again():
            return (await drive(ctx.key())).encode()

    runs.handler("drive", input_serde=BytesSerde(), output_serde=BytesSerde())(drive_run)
    return runs


def _steps(name: str, workflow_id: str, run_step: RunStep) -> restate.Service:
    steps = restate.Service(
        name,
        description="Steps of a Waystation workflow's runs, run apart from them. Waystation calls it.",
        inactivity_timeout=_FOR_EVER,
        abort_timeout=_FOR_EVER,
        journal_retention=timedelta(0),
        idempotency_retention=_RESULTS_ARE_KEPT,
        invocation_retry_policy=_RETRIES,
    )

    async def run_one(ctx: restate.Context, request: bytes) -> bytes:  # noqa: ARG001  (Restate's own form)
        with _made_again():
            return await run_step(workflow_id, request, connection())

    handler = steps.handler(
        "run", accept="*/*", content_type="*/*", input_serde=BytesSerde(), output_serde=BytesSerde()
    )
    handler(run_one)
    return steps


@contextmanager
def _made_again() -> Generator[None]:
    """Around what a call does: what keeps it from that passes, so Restate is to make it again. A fault of ours too, but
    that is told with where it happened."""
    try:
        yield
    except NotNow as error:
        raise RetryableError("this worker is being closed; another drives the run") from error
    except WaystationError as error:
        _log.warning("a call is made again later: %s", error)
        raise RetryableError(f"{error.code}: {error.message}") from error
