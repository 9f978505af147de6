"""Short ways to say what is written."""

from __future__ import annotations

from collections.abc import Sequence

from waystation.core.addresses import Address
from waystation.store.records import Commit, Head, NewRun, Opened, RunStatus

CREATED = b'"created"'
"""The first entry of each run that ``new_run`` makes."""


def new_run(
    run_id: str = "r1",
    *,
    at: int = 1,
    workflow_id: str = "flow",
    version: str = "",
    resource_id: str | None = None,
    key: str | None = None,
    head: Head | None = None,
) -> NewRun:
    """A run with one entry."""
    return NewRun(
        run_id=run_id,
        workflow_id=workflow_id,
        version=version,
        fingerprint="f",
        created_at=at,
        entries=[CREATED],
        resource_id=resource_id,
        idempotency_key=key,
        head=head,
    )


def head(
    status: RunStatus, *, epoch: int = 1, owner: str | None = None, wake_at: int | None = None, at: int = 2
) -> Head:
    """A head, written at ``at``."""
    return Head(status=status, epoch=epoch, owner=owner, fingerprint="f", updated_at=at, wake_at=wake_at)


def commit(
    after: int,
    *entries: bytes,
    run_id: str = "r1",
    epoch: int = 0,
    head: Head | None = None,
    frontier: bytes | None = None,
    opened: Sequence[Opened] = (),
    closed: Sequence[int] = (),
) -> Commit:
    """A commit to a run of ``new_run``."""
    return Commit(
        run_id=run_id,
        epoch=epoch,
        after=after,
        entries=entries,
        head=head,
        frontier=frontier,
        opened=opened,
        closed=closed,
    )


def opened(seq: int, address: str) -> Opened:
    """A suspension that is opened."""
    return Opened(seq=seq, address=Address(address))
