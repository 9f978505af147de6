"""What a driver writes: the entries a machine decided on, and where the run rests, if it does by that."""

from __future__ import annotations

from collections.abc import Sequence

from waystation.core.encoding import encode_entry
from waystation.core.entries import AnyEntry
from waystation.core.machine import Machine
from waystation.core.refs import Millis, Seq
from waystation.core.signals import Failed, Signal, Succeeded
from waystation.core.state import encode_state
from waystation.engine.error_records import record_error
from waystation.errors import TransactionMisused
from waystation.store.records import Commit, Head, Opened, RunRecord, RunStatus


def commit_of(
    machine: Machine, run_id: str, epoch: int, entries: Sequence[AnyEntry], *, resting_at: Millis | None
) -> Commit:
    """The commit of ``entries``, which ``machine`` has just decided on.

    Arguments:
        resting_at: the time, if the run rests by them: then it is parked or ended by this very commit.
    """
    opened, closed = machine.settled()
    # Who parks a run without an entry makes its epoch grow: the journal does not move by that, and an answer, event or
    # cancel that was decided while the run was driven would else be written to it as it is parked, and nobody wake it.
    parked = epoch if entries else epoch + 1
    return Commit(
        run_id=run_id,
        epoch=epoch,
        after=machine.state.last_seq - len(entries),
        entries=list(map(encode_entry, entries)),
        head=resting_head(machine, parked, resting_at) if resting_at is not None else None,
        frontier=encode_state(machine.state) if resting_at is not None else None,
        opened=[Opened(seq=seq, address=address) for seq, address in opened] if opened else (),
        closed=closed,
    )


def resting_head(machine: Machine, epoch: int, now: Millis) -> Head:
    """The head of a run that rests as ``machine`` does."""
    state = machine.state
    status: RunStatus
    wake_at = None
    if state.standing != "running":
        status = state.standing
    elif machine.is_paused():
        status = "paused"
    else:
        wake_at = machine.next_wake()
        # Whoever can be asked comes first: a run that also goes on by itself waits for an answer all the same.
        status = "suspended" if machine.suspensions() else "waiting"
    return Head(status=status, epoch=epoch, owner=None, wake_at=wake_at, fingerprint=state.fingerprint, updated_at=now)


def failed_by(signal: Signal, error: TransactionMisused) -> Failed:
    """What to tell the machine instead of a success that could not be committed with what the step wrote."""
    assert isinstance(signal, Succeeded), "only a step that succeeded has something to commit with"
    record = record_error(error, signal.address)
    return Failed(signal.address, signal.attempt, signal.began, signal.at, record, retryable=False, chance=0.0)


def running_head(machine: Machine, epoch: int, owner: str | None, now: Millis) -> Head:
    """The head of a run that ``owner`` drives from now on, or, if that is None, whoever it is placed on."""
    return Head(status="running", epoch=epoch, owner=owner, fingerprint=machine.state.fingerprint, updated_at=now)


def commit_from_outside(
    record: RunRecord,
    last_seq: Seq,
    machine: Machine,
    entries: Sequence[AnyEntry],
    head: Head | None,
    frontier: bytes | None = None,
) -> Commit:
    """The commit of ``entries``, which ``machine`` has decided on without its driver."""
    opened, closed = machine.settled()
    return Commit(
        run_id=record.run_id,
        epoch=record.epoch,
        after=last_seq,
        entries=list(map(encode_entry, entries)),
        head=head,
        frontier=frontier,
        opened=[Opened(seq=seq, address=address) for seq, address in opened] if opened else (),
        closed=closed,
    )
