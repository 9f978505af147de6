"""The life of an app: what it is made of, how it is opened and closed, and on which event loop it lives.

``Waystation`` adds what can be done with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar

from waystation.all_runs import tell_hooks
from waystation.background import WithTwins
from waystation.beginning import start_scheduled
from waystation.core.machine import Machine
from waystation.define.workflow import Workflow
from waystation.dispatch.protocol import Dispatcher
from waystation.engine.clock import Clock
from waystation.engine.engine import Engine
from waystation.engine.schedules import ScheduledWorkflow, Scheduler
from waystation.errors import AppClosed, WrongLoop
from waystation.registry import Registry
from waystation.settings import Parts, Settings, assemble, clock_of
from waystation.store.codec import Codec
from waystation.store.protocol import Store
from waystation.store.records import WorkflowKey

T = TypeVar("T")


class AppLife(WithTwins):
    """An app as long as it lives. Its arguments are documented at ``Waystation``."""

    _what = "app"

    def __init__(
        self,
        *,
        workflows: Sequence[Workflow[Any, Any]] = (),
        agents: Mapping[str, object] | None = None,
        tools: Mapping[str, object] | None = None,
        store: str | Store = "sqlite:///waystation.db",
        codec: Codec | None = None,
        dispatch: str | None = None,
        recover: bool = True,
        lease: timedelta = timedelta(seconds=15),
        grace: timedelta = timedelta(seconds=5),
        recover_every: timedelta = timedelta(seconds=1),
        look_every: timedelta = timedelta(milliseconds=50),
        threads: int = 32,
        retention: timedelta | None = None,
        cancel_grace: timedelta = timedelta(seconds=5),
        clock: Clock | None = None,
    ) -> None:
        self._settings = Settings(
            agents=MappingProxyType(dict(agents or {})),
            tools=MappingProxyType(dict(tools or {})),
            recover=recover,
            lease=lease,
            grace=grace,
            recover_every=recover_every,
            look_every=look_every,
            threads=threads,
            retention=retention,
            cancel_grace=cancel_grace,
            clock=clock,
            codec=codec,
            dispatch=dispatch,
        )
        self._registry = Registry(workflows)
        self._store = self._settings.home(store)
        self._has_opened_store = False
        self._parts: Parts | None = None
        self._opening = asyncio.Lock()
        self._closed = False

    # ------------------------------------------------------------------ life

    async def open(self) -> None:
        """Open the store and begin to look for runs to recover. Called by the first use, if not before.

        Raises:
            StoreError: of the kinds ``Store.open`` names.
            WrongLoop: the app is in use on another loop.
            AppClosed: it was closed.
            DispatchError: who places its runs cannot be reached, or is too old; it can be opened again.
        """
        if self._closed:
            raise AppClosed("this app was closed; make another")
        self._loop = self._loop or asyncio.get_running_loop()
        if self._loop is not asyncio.get_running_loop():
            raise WrongLoop
        async with self._opening:
            if self._closed:
                raise AppClosed
            if self._parts is None:
                await self._store.open()
                self._has_opened_store = True
                parts = assemble(
                    self._settings,
                    self._registry,
                    self._store,
                    clock=self._settings.clock or await clock_of(self._store),
                    start_scheduled=self._start_scheduled,
                    on_rest=self._rested,
                )
                await parts.dispatcher.start()
                self._parts = parts

    async def _rested(self, run_id: str, machine: Machine) -> None:
        await tell_hooks(self._at_work()[0], self._registry, run_id, machine)

    def copy(
        self,
        *,
        store: str | Store | None = None,
        dispatch: str | None = None,
        recover: bool | None = None,
        clock: Clock | None = None,
    ) -> Self:
        """A new app with the same workflows, agents, tools and settings, not opened.

        Arguments:
            store: another store, with the same codec; by default the same.
            dispatch: who places its runs: the address of another Restate; by default as this one.
            recover: whether the new one takes over runs that nobody drives; by default as this one.
            clock: another clock, for tests; by default the same.

        Raises:
            StoreUrlInvalid.
        """
        home = self._store if store is None else self._settings.home(store)
        new = type(self)(workflows=list(self._registry.by_key.values()), store=home)
        new._settings = replace(  # noqa: SLF001  (it is of this very class)
            self._settings,
            dispatch=self._settings.dispatch if dispatch is None else dispatch,
            recover=self._settings.recover if recover is None else recover,
            clock=self._settings.clock if clock is None else clock,
        )
        return new

    async def close(self) -> None:
        """Stop: no step is begun any more, those in flight end or are cancelled after the grace time, every run
        this process drove is handed over at once, and the store is closed. Closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        async with self._opening:  # that which is under way comes to its end first
            if self._parts is not None:
                await self._parts.dispatcher.stop()
                # A thread cannot be ended from outside: a sync step that hangs is left behind, its run handed over.
                self._parts.engine.threads.shutdown(wait=False, cancel_futures=True)
            if self._has_opened_store:
                await self._store.close()

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            if not self.is_open and self._loop is asyncio.get_running_loop():  # else it is open, and in use elsewhere
                await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _at_work(self) -> tuple[Engine, Dispatcher]:
        """The parts that do the work, for what is done within it, also while the app is being closed."""
        if self._parts is None:
            raise AppClosed
        return self._parts.engine, self._parts.dispatcher

    async def opened(self) -> tuple[Engine, Dispatcher]:
        """The parts that do the work, opened if need be. For the library's own rooms."""
        if self._parts is None or self._closed or self._loop is not asyncio.get_running_loop():
            await self.open()
        return self._at_work()

    async def _schedules(self) -> Scheduler:
        await self.opened()
        assert self._parts is not None, "opening the app makes them"
        return self._parts.scheduler

    async def _start_scheduled(self, scheduled: ScheduledWorkflow, run_id: str, slot: int) -> None:  # noqa: ARG002  (the run's id tells the slot)
        engine, dispatcher = self._at_work()
        await start_scheduled(engine, dispatcher, self._registry.by_key[scheduled.workflow], scheduled.cron, run_id)

    # ------------------------------------------------------------------ registry

    @property
    def is_open(self) -> bool:
        """Whether it was opened, by its first use or before, and not closed."""
        return self._parts is not None and not self._closed

    @property
    def store(self) -> Store:
        """Where its runs live: opened and closed with the app."""
        return self._store

    @property
    def workflows(self) -> Mapping[str, Workflow[object, object]]:
        """The registered workflows by id; of several versions the one that was given last."""
        return self._registry.current

    @property
    def versions(self) -> Mapping[WorkflowKey, Workflow[object, object]]:
        """The registered workflows by id and version."""
        return self._registry.by_key

    @property
    def agents(self) -> Mapping[str, object]:
        """What steps reach as ``ctx.agents``."""
        return self._settings.agents

    @property
    def tools(self) -> Mapping[str, object]:
        """What steps reach as ``ctx.tools``."""
        return self._settings.tools
