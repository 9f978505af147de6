"""A process whose machine's clock is an hour wrong does no harm to others on one PostgreSQL: all go by the server's."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.crash.homes import Home
from tests.crash.test_handing_over import troupe_at
from tests.postgres_server import Databases
from waystation import open_store
from waystation.core.encoding import decode_entry
from waystation.core.entries import AnyEntry, SleepBegun, SleepEnded
from waystation.store.records import RunFilter

HOUR = 3600
NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"


def journals(url: str) -> Sequence[Sequence[AnyEntry]]:
    async def read() -> Sequence[Sequence[AnyEntry]]:
        store = open_store(url)
        await store.open()
        try:
            runs = (await store.list_runs(RunFilter(), limit=1000)).runs
            return [[decode_entry(entry) for entry in await store.read(run.run_id)] for run in runs]
        finally:
            await store.close()

    return asyncio.run(read())


def test_a_process_whose_clock_is_an_hour_wrong_takes_nothing_loses_nothing_and_wakes_in_time(
    tmp_path: Path, postgres: str, databases: Databases
) -> None:
    home = Home(tmp_path, postgres, databases)
    (began,) = databases.fetch(postgres, NOW)
    with troupe_at(home) as troupe:
        right = troupe.enter("right")
        ahead = troupe.enter("ahead", clock=str(HOUR))
        behind = troupe.enter("behind", clock=str(-HOUR))
        takers = [*right, *ahead, *behind]
        for taker in takers:
            taker.tell("start 4")
            assert taker.hear() == "started"
        troupe.until(lambda: len(troupe.began("held")) == 12)
        # Each looks for runs that nobody drives meanwhile, and wakes what is due, whoever put it to sleep.
        for taker in takers:
            taker.tell("nap 2")
        assert [taker.hear() for taker in takers] == ["woke"] * 3
        assert Counter(name for _, name in troupe.began("held")) == {"right": 4, "ahead": 4, "behind": 4}
        troupe.open_gate()
        troupe.until(lambda: len(troupe.began("after")) == 18)
    (ended,) = databases.fetch(postgres, NOW)
    for journal in journals(home.url()):
        times = [entry.at for entry in journal]
        assert began[0] <= min(times)
        assert max(times) <= ended[0]
        until = [entry.until for entry in journal if isinstance(entry, SleepBegun)]
        assert all(woken >= due for woken, due in zip(woken_at(journal), until, strict=True))


def woken_at(journal: Sequence[AnyEntry]) -> Sequence[int]:
    return [entry.at for entry in journal if isinstance(entry, SleepEnded)]
