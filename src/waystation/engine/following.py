"""Follows a run: its events so far, then those to come, from the journal and from nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator

from waystation.core.entries import AnyEntry
from waystation.core.machine import Machine
from waystation.core.misfit import JournalMisfit
from waystation.core.refs import Seq
from waystation.define.workflow import Workflow
from waystation.engine.decoding import entry_of
from waystation.engine.engine import Engine
from waystation.engine.events import AnyEvent, EventFold, RunFinishedEvent
from waystation.errors import DefinitionChanged, RunNotFound

_PAGE = 1000


async def follow(
    engine: Engine,
    workflow: Workflow[object, object],
    run_id: str,
    after: Seq,
    part: int | None = None,
    *,
    live: bool = True,
) -> AsyncIterator[AnyEvent]:
    """The run's events after entry ``after``, until it ends; if ``part`` is given, also those that this entry announces
    after its ``part``-th. Unless they are to be ``live``, only those that are there.

    Raises:
        DefinitionChanged: the journal does not fit the code at hand.
        RunNotFound: the run is not in the store, or is deleted meanwhile.
    """
    fold = EventFold(run_id, Machine(workflow.graph))
    read: Seq = 0
    with engine.hub.listening(run_id) as grown:
        while True:
            grown.clear()
            page = await engine.store.read(run_id, after=read, limit=_PAGE)
            for data in page:
                read += 1
                for event in _fold(fold, entry_of(run_id, data), workflow, run_id):
                    if event.seq > after or (event.seq == after and part is not None and event.part > part):
                        yield event
                    if isinstance(event, RunFinishedEvent):
                        return
            if not page and await engine.store.get_run(run_id) is None:
                raise RunNotFound(f"there is no run {run_id!r} in the store", run_id=run_id)
            if len(page) < _PAGE:
                if not live:
                    return
                await grown.wait()


def _fold(fold: EventFold, entry: AnyEntry, workflow: Workflow[object, object], run_id: str) -> list[AnyEvent]:
    try:
        return fold.feed(entry)
    except JournalMisfit as misfit:
        raise DefinitionChanged(run_id=run_id, workflow_id=workflow.id, differences=[misfit.reason]) from None
