"""Writes to a run that another process drives, and may be writing to again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from waystation.core.entries import AnyEntry
from waystation.core.machine import Machine
from waystation.core.misfit import JournalMisfit
from waystation.core.refs import Seq
from waystation.core.signals import Signal
from waystation.core.state import decode_state, encode_state
from waystation.define.workflow import Workflow
from waystation.engine.decoding import entries_of
from waystation.engine.writes import commit_from_outside
from waystation.store.protocol import JournalMoved
from waystation.store.records import Commit, MakeCommit, RunRecord


class ChangesNothing(JournalMoved):
    """The signals change nothing of the run as it is now."""


def on_top(
    workflow: Workflow[object, object],
    machine: Machine,
    last_seq: Seq,
    given: Sequence[Signal],
    is_for: Callable[[RunRecord, Sequence[AnyEntry]], bool],
) -> MakeCommit:
    """Decides about signals with what was appended since ``machine`` was read, for ``Store.commit_on_top``.

    Arguments:
        machine: the run as of ``last_seq``; it is not changed.
        is_for: whether the signals are for the run as it is by then, and what came since; if not ``JournalMoved`` is
            raised, or ``ChangesNothing`` if they change nothing, and they are to be decided anew.
    """
    known = encode_state(machine.state)

    def make(record: RunRecord, since: Sequence[bytes]) -> Commit:
        state = decode_state(known)
        assert state is not None, "it was encoded just now"
        machine = Machine(workflow.graph, state)
        entries = entries_of(record.run_id, since)
        if not is_for(record, entries):
            raise JournalMoved
        try:
            machine.restore(entries)
        except JournalMisfit:
            raise JournalMoved from None
        told = [entry for signal in given for entry in machine.handle(signal)]
        if not told:
            raise ChangesNothing
        return commit_from_outside(record, last_seq + len(entries), machine, told, None)

    return make
