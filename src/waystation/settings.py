"""How an app runs, and the parts that are made of that when it is opened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from waystation.core.machine import Machine
from waystation.dispatch.conduct import Conduct
from waystation.dispatch.local import LocalDispatcher
from waystation.engine.clock import Clock, SystemClock
from waystation.engine.engine import Engine
from waystation.engine.leases import Lease, new_worker_id
from waystation.engine.schedules import Scheduler, StartScheduled
from waystation.engine.store_clock import StoreClock
from waystation.errors import InvalidDuration
from waystation.registry import Registry
from waystation.store import open_store
from waystation.store.codec import Codec, CodecStore
from waystation.store.protocol import Store

if TYPE_CHECKING:
    from waystation.dispatch.restate.dispatcher import RestateDispatcher
    from waystation.dispatch.restate.fleet import Fleet

DEFAULT_PORT = 8484
"""Where a server listens if nothing is said."""

DEFAULT_WORKER_PORT = 9080
"""Where a worker listens if nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The arguments of ``Waystation`` that say how it runs; they are documented there."""

    agents: Mapping[str, object]
    tools: Mapping[str, object]
    recover: bool
    lease: timedelta
    grace: timedelta
    recover_every: timedelta
    look_every: timedelta
    threads: int
    retention: timedelta | None
    cancel_grace: timedelta
    clock: Clock | None
    codec: Codec | None
    dispatch: str | None

    def __post_init__(self) -> None:
        if self.retention is not None and self.retention < timedelta(0):
            raise InvalidDuration(f"retention={self.retention} is negative; give how long to keep runs that have ended")

    def home(self, store: str | Store) -> Store:
        """The store that is meant, not opened; with a codec, if there is one.

        Raises:
            StoreUrlInvalid.
        """
        found = open_store(store) if isinstance(store, str) else store
        return found if self.codec is None else CodecStore(found, self.codec)


@dataclass(frozen=True, slots=True)
class Parts:
    """What an open app is made of."""

    engine: Engine
    scheduler: Scheduler
    dispatcher: LocalDispatcher | RestateDispatcher


async def clock_of(store: Store) -> Clock:
    """Where time comes from for those who share this store: from the store, if it has a clock."""
    clock = StoreClock(store)
    return clock if await clock.ask() else SystemClock()


def assemble(
    settings: Settings,
    registry: Registry,
    store: Store,
    *,
    clock: Clock,
    start_scheduled: StartScheduled,
    on_rest: Callable[[str, Machine], Awaitable[None]],
) -> Parts:
    """The parts of an app, none of them at work yet.

    Arguments:
        store: opened.
        clock: where time comes from.
        start_scheduled: starts the run of a schedule's slot.
        on_rest: told of each run that comes to rest here.
    """
    fleet = _fleet(settings)
    worker_id = new_worker_id()
    lease = Lease(store, clock, settings.lease, worker_id)
    engine = Engine(
        store=store,
        clock=clock,
        workflows=registry.by_key,
        agents=settings.agents,
        tools=settings.tools,
        threads=ThreadPoolExecutor(settings.threads, thread_name_prefix="waystation-step"),
        worker_id=worker_id,
        lease_term=lease.term,
        takes_for=worker_id if fleet is None else None,
        elsewhere=None if fleet is None else fleet.elsewhere,
        cancel_grace=settings.cancel_grace,
    )
    scheduler = Scheduler(store, clock, registry.scheduled(), start_scheduled)
    conduct = Conduct(
        recover=settings.recover,
        recover_every=settings.recover_every,
        look_every=settings.look_every,
        grace=settings.grace,
        schedules=scheduler if settings.recover else None,
        retention=settings.retention,
        on_rest=on_rest,
    )
    placing = LocalDispatcher(engine, lease, conduct) if fleet is None else fleet.dispatcher(engine, lease, conduct)
    return Parts(engine, scheduler, placing)


def _fleet(settings: Settings) -> Fleet | None:
    if settings.dispatch is None:
        return None
    from waystation.dispatch.restate.fleet import Fleet  # needs what the bare install does not bring

    return Fleet(settings.dispatch, settings.codec)
