"""A worker: it drives whatever run nobody drives, until it is killed, or told to end by SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from tests.crash.chaos.jobs import Desk, jobs
from tests.crash.chaos.witness import WitnessStore
from waystation import Waystation, open_store
from waystation.errors import StoreUnavailable

LEASE = timedelta(seconds=1.2)


def app_of(url: str, kind: str, book: Path, who: str, *, recover: bool) -> Waystation:
    """An app whose store is watched by a witness, and whose steps write into the book."""
    return Waystation(
        workflows=[jobs],
        store=WitnessStore(open_store(url), Desk.take(book, who, kind)),
        recover=recover,
        lease=LEASE,
        grace=timedelta(milliseconds=300),
        recover_every=timedelta(milliseconds=200),
        cancel_grace=timedelta(milliseconds=300),
        threads=8,
    )


def told_to_end() -> asyncio.Event:
    """Set when this process is to end, also if it was told so before this: see ``Fleet.start``."""
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    return ending


@asynccontextmanager
async def opened(app: Waystation) -> AsyncGenerator[None]:
    """Open the app, as often as the server is away for longer than that waits for it; and close it in the end."""
    while True:
        try:
            await app.open()
            break
        except StoreUnavailable:
            continue
    try:
        yield
    finally:
        await app.close()


async def work(url: str, kind: str, book: Path, who: str) -> None:
    ending = told_to_end()
    async with opened(app_of(url, kind, book, who, recover=True)):
        await ending.wait()
