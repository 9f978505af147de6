"""A run as the API tells of it: its record, how it stands, with what it began."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from waystation.core.entries import RunCreated, RunStarted
from waystation.core.refs import Millis
from waystation.engine.decoding import entry_of
from waystation.errors import (
    DataError,
    DefinitionChanged,
    RunNotFound,
    TooManyWaiting,
    UnknownWorkflow,
    WaystationError,
)
from waystation.server.site import Site
from waystation.shapes import error_data, raw_data, record_data, result_data, time_text
from waystation.store.protocol import Store
from waystation.store.records import ENDED, RunRecord

if TYPE_CHECKING:
    from waystation.run import Run

_PAGE = 100
_LOOKS = 3


async def record_of(site: Site, run_id: str) -> RunRecord:
    """What the store's list knows of a run, whether its workflow is registered or not. Raises ``RunNotFound``."""
    engine, _ = await site.app.opened()
    record = await engine.store.get_run(run_id)
    if record is None:
        raise RunNotFound(f"there is no run {run_id!r} in the store", run_id=run_id)
    return record


async def detail(site: Site, run_id: str) -> dict[str, object]:
    """A run, and how it stands. What the code at hand cannot tell of it is left out, and it says why.

    Raises:
        RunNotFound, StoreError.
    """
    record = await record_of(site, run_id)
    standing: dict[str, object] = {}
    trouble: WaystationError | None = None
    # It may move while it is looked at; then it is looked at again, so that what is told is of one moment.
    for _ in range(_LOOKS):
        standing, trouble = await _standing(site, record)
        seen, record = record, await record_of(site, run_id)
        if record.updated_at == seen.updated_at and record.status == seen.status:
            break
    begun = await _beginning((await site.app.opened())[0].store, run_id)
    return {
        **record_data(record),
        "status": standing["status"],
        "standing": standing,
        "started_at": time_text(begun.at),
        "ended_at": time_text(record.updated_at if standing["status"] in ENDED else None),
        "input": begun.input,
        "forked_from": begun.forked_from,
        "problem": None if trouble is None else _problem(trouble),
    }


async def _standing(site: Site, record: RunRecord) -> tuple[dict[str, object], WaystationError | None]:
    try:
        run = await site.app.get_run(record.run_id)
        return result_data(run.workflow, await run.result()), None
    except (UnknownWorkflow, DefinitionChanged, DataError) as error:
        bare: dict[str, object] = {"run_id": record.run_id, "workflow_id": record.workflow_id, "status": record.status}
        return bare, error


def _problem(error: WaystationError) -> dict[str, object]:
    data = error_data(error)
    return {key: data[key] for key in ("code", "message", "run_id", "differences") if data.get(key) is not None}


class _Beginning(NamedTuple):
    at: Millis | None = None
    input: object = None
    forked_from: str | None = None


async def _beginning(store: Store, run_id: str) -> _Beginning:
    """With what the run began, from the first of its entries; before its start there may be events, any number."""
    after, begun = 0, _Beginning()
    while page := await store.read(run_id, after=after, limit=_PAGE):
        for data in page:
            match entry_of(run_id, data):
                case RunCreated() as entry:
                    begun = begun._replace(forked_from=entry.forked_from or None)
                case RunStarted() as entry:
                    return begun._replace(at=entry.at, input=raw_data(entry.input))
                case _:
                    pass
        after += len(page)
    return begun


@contextmanager
def waiting(site: Site, seconds: float) -> Generator[None]:
    """Have a place among those who wait for runs, where ``seconds`` says that one is needed. It is taken before
    anything is done, so that who finds none has changed nothing.

    Raises:
        TooManyWaiting.
    """
    if seconds <= 0:
        yield
        return
    if site.busy.waiting >= site.limits.waiting:
        raise TooManyWaiting
    site.busy.waiting += 1
    try:
        yield
    finally:
        site.busy.waiting -= 1


async def wait_for_rest(site: Site, run: Run[object, object], seconds: float) -> None:
    """Wait up to so long for the run to rest. What keeps it from being waited for is seen by who looks at it next."""
    if seconds <= 0:
        return
    resting = asyncio.ensure_future(run.wait())
    closing = asyncio.ensure_future(site.busy.closing.wait())
    try:
        await asyncio.wait((resting, closing), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        closing.cancel()
        resting.cancel()
        with suppress(WaystationError, asyncio.CancelledError):
            await resting
