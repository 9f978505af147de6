"""A caller: it starts runs, answers what they ask, sends events and cancels. There are two, and they race.

Both know the same errands, see the same inbox, and begin at the same moments of the machine's clock: so each start,
each answer and each event is asked for twice at once. A caller asks again, by another name, for as long as it is not
told what came of it.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tests.crash.chaos.book import Asking, Book, Told, lines_of
from tests.crash.chaos.errands import Errand
from tests.crash.chaos.jobs import Desk, Go, Job, jobs
from tests.crash.chaos.worker import app_of, opened, told_to_end
from waystation import Waystation
from waystation.errors import AppClosed, NotSuspended, RunAlreadyExists, RunEnded, RunNotFound, StoreError
from waystation.run import Run

BEAT = 0.2
"""Callers begin together, so many seconds apart."""
PATIENCE = 4.0
"""So long a caller waits for an answer, in seconds, before it holds it for unknown."""
Key = tuple[str, str, str]
"""What is asked: of which run, what, about what."""


class Caller:
    def __init__(self, app: Waystation, book: Book, settled: set[Key]) -> None:
        self._app = app
        self._book = book
        self._settled = settled
        self._busy: set[Key] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_once = asyncio.Semaphore(16)

    async def call_on(self, errands: Sequence[Errand], began: float, ending: asyncio.Event) -> None:
        while not ending.is_set():
            now = time.time()
            for errand in errands:
                if errand.at > now - began:
                    break
                self._ask(errand.run_id, errand.what, "", self._doing(errand))
            await self._answer_all()
            await asyncio.sleep(BEAT - time.time() % BEAT)
        for task in self._tasks:
            task.cancel()

    async def _answer_all(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                pending = await self._app.pending(limit=200)
        except (StoreError, TimeoutError):
            return  # the server is away
        for suspension in pending:
            self._ask(suspension.run_id, "answer", suspension.id, self._answering(suspension.run_id, suspension.id))

    def _doing(self, errand: Errand) -> Callable[[str], Awaitable[object]]:
        runnable = self._app.get_workflow(jobs)
        run = Run(self._app, jobs, errand.run_id)

        def do(name: str) -> Awaitable[object]:
            match errand.what:
                case "start":
                    return runnable.start_async(Job(number=errand.number, asked=name), run_id=errand.run_id)
                case "cancel":
                    return run.cancel_async(reason=name)
                case "go" | "decoy":
                    number = errand.number if errand.what == "go" else -1
                    return run.send_event("go", Go(number=number), idempotency_key=errand.what, actor=name)

        return do

    def _answering(self, run_id: str, suspension: str) -> Callable[[str], Awaitable[object]]:
        run = Run(self._app, jobs, run_id)
        return lambda name: run.resume_async(suspension=suspension, data=name, actor=name)

    def _ask(self, run_id: str, what: str, about: str, do: Callable[[str], Awaitable[object]]) -> None:
        key = (run_id, what, about)
        if key in self._settled or key in self._busy:
            return
        self._busy.add(key)
        task = asyncio.create_task(self._asking(key, do))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _asking(self, key: Key, do: Callable[[str], Awaitable[object]]) -> None:
        run_id, what, about = key
        book, name = self._book, f"{self._book.who}/{self._book.next_number()}"
        try:
            async with self._at_once:
                book.write_durably(Asking(who=book.who, run=run_id, what=what, about=about, name=name))
                answer, error = await told(do, name)
                line = Told(who=book.who, run=run_id, what=what, about=about, name=name, answer=answer, error=error)
                book.write_durably(line)
                if answer in ("accepted", "refused"):
                    self._settled.add(key)
        finally:
            self._busy.discard(key)


async def told(do: Callable[[str], Awaitable[object]], name: str) -> tuple[str, str]:
    """Ask, and put what one is told into a word."""
    try:
        async with asyncio.timeout(PATIENCE):
            await do(name)
    except (NotSuspended, RunAlreadyExists, RunEnded) as error:
        return "refused", type(error).__name__
    except RunNotFound:
        return "too early", ""
    except (StoreError, TimeoutError, AppClosed) as error:
        return "unknown", type(error).__name__
    except Exception as error:
        traceback.print_exc()
        return "fault", repr(error)
    return "accepted", ""


async def call(url: str, kind: str, book: Path, who: str, errands: Sequence[Errand], began: float) -> None:
    ending = told_to_end()
    # What one before this has been told need not be asked again.
    place = who.partition(".")[0]
    settled = {
        (line.run, line.what, line.about)
        for line in lines_of(book)
        if isinstance(line, Told) and line.who.partition(".")[0] == place and line.answer in ("accepted", "refused")
    }
    app = app_of(url, kind, book, who, recover=False)
    async with opened(app):
        await Caller(app, Desk.book, settled).call_on(errands, began, ending)
