"""All the runs of a store, however many: read page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator

from waystation.store.protocol import Store
from waystation.store.records import RunFilter, RunRecord

_PAGE = 500


async def each_run(store: Store, where: RunFilter) -> AsyncIterator[RunRecord]:
    """Every run that fits, newest first."""
    cursor: str | None = None
    while True:
        page = await store.list_runs(where, limit=_PAGE, cursor=cursor)
        for record in page.runs:
            yield record
        cursor = page.cursor
        if cursor is None:
            return
