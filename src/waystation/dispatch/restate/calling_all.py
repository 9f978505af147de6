"""Calls every unfinished run that can go on, from the store: what to do when Restate has lost its data."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Literal

from waystation.core.refs import Millis
from waystation.dispatch.restate.calls import RunCall
from waystation.dispatch.restate.client import RestateClient
from waystation.dispatch.resubmitted import Resubmitted
from waystation.engine.engine import Engine
from waystation.engine.leases import retire_the_dead
from waystation.errors import NoWorker
from waystation.store.listing import each_run
from waystation.store.records import RunFilter, RunRecord, RunStatus

_MAY_GO_ON: tuple[RunStatus, ...] = ("running", "waiting", "suspended")

_AT_ONCE = 50
"""So many are called at once."""

_Outcome = Literal["now", "later", "driven", "parked", "no_worker"]


async def call_all(engine: Engine, client: RestateClient) -> Resubmitted:
    """Call them; a call that Restate still has is not made twice, and one that is needless does nothing.

    Raises:
        DispatchError, StoreError: those that came before are called.
    """
    await client.ready()
    await retire_the_dead(engine.store, engine.clock, engine.worker_id)
    counts: Counter[_Outcome] = Counter()
    some: list[RunRecord] = []
    async for record in each_run(engine.store, RunFilter(statuses=_MAY_GO_ON)):
        some.append(record)
        if len(some) == _AT_ONCE:
            counts.update(await _call(engine, client, some))
            some.clear()
    counts.update(await _call(engine, client, some))
    return Resubmitted(**{str(outcome): count for outcome, count in counts.items()})


async def _call(engine: Engine, client: RestateClient, records: list[RunRecord]) -> list[_Outcome]:
    now = engine.clock.now()
    return list(await asyncio.gather(*(_call_one(client, record, now) for record in records)))


async def _call_one(client: RestateClient, record: RunRecord, now: Millis) -> _Outcome:
    delay: Millis | None = None
    if record.status == "running":
        if record.owner is not None:  # it lives: the dead have none any more
            return "driven"
    elif record.wake_at is None:
        return "parked"
    else:
        delay = max(0, record.wake_at - now)
    try:
        await client.call_run(RunCall.of(record), delay=delay)
    except NoWorker:
        return "no_worker"
    return "later" if delay else "now"
