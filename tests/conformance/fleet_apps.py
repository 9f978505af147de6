"""Apps of a fleet, as tests make any others: each drives what a Restate places on it, so it is a worker too."""

from __future__ import annotations

import weakref
from typing import Any

import pytest

from waystation import Store, Waystation
from waystation.app_life import AppLife
from waystation.dispatch.restate.worker import Worker
from waystation.store.passing import PassingStore
from waystation.store.postgres import PostgresStore


def all_on_a_fleet(monkeypatch: pytest.MonkeyPatch, dispatch: str) -> None:
    """From now on each app on a PostgreSQL has its runs placed by this Restate, and is a worker of its own runs,
    whoever makes it: what a test says of apps stays as it is.

    Arguments:
        monkeypatch: takes it back at the end of the test.
        dispatch: the address of a pool that nobody else uses.
    """
    make, open_app, close_app = AppLife.__init__, AppLife.open, AppLife.close
    workers: weakref.WeakKeyDictionary[AppLife, Worker] = weakref.WeakKeyDictionary()
    to_open: weakref.WeakSet[AppLife] = weakref.WeakSet()

    def made(app: AppLife, *, store: str | Store = "sqlite:///waystation.db", **given: Any) -> None:
        if _is_postgres(store):
            given.setdefault("dispatch", dispatch)
            to_open.add(app)
        make(app, store=store, **given)

    async def opened(app: AppLife) -> None:
        await open_app(app)
        if app not in to_open:
            return
        to_open.discard(app)  # to open a worker is to use its app
        assert isinstance(app, Waystation)
        workers[app] = app.worker(port=0, deregister=True)
        await workers[app].open()

    async def closed(app: AppLife) -> None:
        worker = workers.pop(app, None)
        if worker is not None:
            await worker.close()
        await close_app(app)

    monkeypatch.setattr(AppLife, "__init__", made)
    monkeypatch.setattr(AppLife, "open", opened)
    monkeypatch.setattr(AppLife, "close", closed)


def _is_postgres(store: str | Store) -> bool:
    if isinstance(store, str):
        return store.startswith("postgres")
    while isinstance(store, PassingStore):
        store = store._store
    return isinstance(store, PostgresStore)
