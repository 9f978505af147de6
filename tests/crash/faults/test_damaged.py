"""A store whose files are damaged: what can be known of it is told by one kind of error, and what is whole goes on.

What cannot be known: a bit that has turned within a value. No store without checksums of its own sees that.
"""

from __future__ import annotations

import asyncio
import logging
import random
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.crash.faults.disks import log_of
from tests.crash.faults.faulting import FaultySite
from tests.crash.plays import PLAYS
from waystation import Waystation
from waystation.errors import NotSuspended, RunNotFound, StoreCorrupt, StoreSchemaForeign, WaystationError
from waystation.run import Run

PLAY = PLAYS["nested"]
RUNS = [f"run-{number}" for number in range(6)]
PAGE = 4096
TIMEOUT = 30.0


@pytest.fixture
def site(site: FaultySite) -> FaultySite:
    """A store with runs that are suspended, closed."""

    async def suspend() -> None:
        async with Waystation(workflows=[PLAY.workflow], store=site.url) as app:
            for run_id in RUNS:
                run = await app.get_workflow(PLAY.workflow).create_run(run_id=run_id)
                assert (await run.start(PLAY.input, state=PLAY.state)).status == "suspended"

    asyncio.run(suspend())
    return site


def copied(site: FaultySite, folder: Path) -> FaultySite:
    """A copy of it, to damage."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(site.folder, folder)
    return FaultySite(folder, site.ledger_file)


async def bring_to_an_end(url: str) -> Sequence[str]:
    """How each run ended, or the code of the error that it met; alone the code where the store cannot be opened."""
    found: list[str] = []
    try:
        async with Waystation(workflows=[PLAY.workflow], store=url) as app:
            for run_id in RUNS:
                run: Run[object, object] = Run(app, PLAY.workflow, run_id)
                try:
                    while (result := await run.wait()).status == "suspended":
                        for suspension in result.suspensions:
                            with suppress(NotSuspended):
                                await run.resume_async(suspension=suspension.id, data="!")
                    found.append(result.status)
                except WaystationError as error:
                    found.append(error.code)
    except WaystationError as error:
        found.append(error.code)
    return found


def used(site: FaultySite) -> Sequence[str]:
    return asyncio.run(asyncio.wait_for(bring_to_an_end(site.url), TIMEOUT))


def pages(site: FaultySite) -> dict[str, list[int]]:
    """Which pages of the file each table and index has."""
    found: dict[str, list[int]] = {}
    with closing(sqlite3.connect(site.file)) as connection:
        for name, page in connection.execute("SELECT name, pageno FROM dbstat"):
            found.setdefault(name, []).append(page)
    return found


def flip(file: Path, place: int, bit: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1 << bit
    file.write_bytes(content)


def test_undamaged_all_end_well(site: FaultySite) -> None:
    assert used(site) == ["success"] * len(RUNS)


def test_a_bit_that_has_turned_in_any_table_or_index_ends_in_no_hang_and_in_no_error_but_of_the_tree(
    site: FaultySite, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(17)
    met: set[str] = set()
    for name, numbers in pages(site).items():
        for _ in range(3):
            page = (chance.choice(numbers) - 1) * PAGE
            content = site.file.read_bytes()
            filled = [place for place in range(page, page + PAGE) if content[place]]
            # Half of them where the page says how it is laid out, half where there is something.
            place = page + chance.randrange(8) if chance.random() < 0.5 else chance.choice(filled)
            struck = copied(site, tmp_path / "struck")
            flip(struck.file, place, bit := chance.randrange(8))
            told = f"{name}: bit {bit} of byte {place}"
            with caplog.at_level(logging.CRITICAL, "waystation"):
                found = used(struck)
            # Of an index that lacks a run, the run is not found; values that are other now may fail their types.
            assert set(found) <= {"success", "failed", "store_corrupt", "run_not_found", "store_schema_foreign"}, told
            met |= set(found)
    assert {"success", "store_corrupt"} <= met


def test_a_page_of_noise_in_the_journal_is_told_and_nothing_in_the_file_is_changed_by_looking(
    site: FaultySite,
) -> None:
    numbers = pages(site)["waystation_journal"]
    content = bytearray(site.file.read_bytes())
    for page in numbers:
        content[(page - 1) * PAGE : page * PAGE] = random.Random(page).randbytes(PAGE)
    site.file.write_bytes(content)
    assert set(used(site)) == {"store_corrupt"}
    journal = [site.file.read_bytes()[(page - 1) * PAGE : page * PAGE] for page in numbers]
    assert journal == [bytes(content[(page - 1) * PAGE : page * PAGE]) for page in numbers]


def test_an_entry_that_is_none_is_told_for_its_run_alone_and_the_others_go_on(site: FaultySite) -> None:
    with closing(sqlite3.connect(site.file)) as connection:
        connection.execute(
            "UPDATE waystation_journal SET entry = x'7b22' WHERE seq = 3 AND run_no = "
            "(SELECT run_no FROM waystation_runs WHERE run_id = 'run-2')"
        )
        connection.execute("DELETE FROM waystation_frontiers")  # so that it is read
        connection.commit()
    found = used(site)
    assert found[2] == "store_corrupt"
    assert [*found[:2], *found[3:]] == ["success"] * (len(RUNS) - 1)


def test_a_status_that_there_is_not_is_told_for_its_run_alone(site: FaultySite) -> None:
    with closing(sqlite3.connect(site.file)) as connection:
        connection.execute("UPDATE waystation_runs SET status = 'suspendee' WHERE run_id = 'run-2'")
        connection.commit()
    found = used(site)
    assert found[2] == "store_corrupt"
    assert [*found[:2], *found[3:]] == ["success"] * (len(RUNS) - 1)


def test_a_frontier_that_is_damaged_is_made_anew_from_the_journal(site: FaultySite) -> None:
    with closing(sqlite3.connect(site.file)) as connection:
        connection.execute("UPDATE waystation_frontiers SET state = substr(state, 1, 40)")
        connection.commit()
    assert used(site) == ["success"] * len(RUNS)


def test_a_frontier_that_is_no_text_is_made_anew_from_the_journal(site: FaultySite) -> None:
    with closing(sqlite3.connect(site.file)) as connection:
        connection.execute("UPDATE waystation_frontiers SET state = CAST(replace(state, 'fingerprint', x'b8') AS BLOB)")
        connection.commit()
    assert used(site) == ["success"] * len(RUNS)


@pytest.mark.parametrize("left", [100, 512, PAGE, 3 * PAGE, 3 * PAGE + 77])
def test_a_file_that_was_cut_off_is_told(left: int, site: FaultySite) -> None:
    with site.file.open("r+b") as file:
        file.truncate(left)
    assert set(used(site)) == {"store_corrupt"}


def test_a_file_cut_off_while_an_app_has_it_open_is_told_and_ends_no_process(site: FaultySite) -> None:
    async def use() -> None:
        async with Waystation(workflows=[PLAY.workflow], store=site.url) as app:
            with site.file.open("r+b") as file:
                file.truncate(2 * PAGE)
            run: Run[object, object] = Run(app, PLAY.workflow, RUNS[0])
            with pytest.raises(StoreCorrupt):
                await run.resume_async(data="!")

    asyncio.run(asyncio.wait_for(use(), TIMEOUT))


def test_a_file_of_no_length_is_a_new_store(site: FaultySite) -> None:
    """It is what SQLite makes of a new one; that it was another cannot be seen. What it lacks is told, not made up."""
    site.file.write_bytes(b"")
    assert used(site) == [RunNotFound.code] * len(RUNS)


@pytest.mark.parametrize(
    "content",
    [b"an invoice, and no database at all " * 300, b"SQLite format 3\0" + bytes(range(256)) * 40, b"a few bytes"],
    ids=["a text", "a header alone", "a line"],
)
def test_a_file_that_is_no_database_is_told_and_left_as_it_is(content: bytes, site: FaultySite) -> None:
    site.file.write_bytes(content)
    assert used(site) == [StoreCorrupt.code]
    assert site.file.read_bytes() == content
    assert not log_of(site.file).exists()


def test_another_programs_database_put_in_its_place_is_told_and_left_as_it_is(site: FaultySite) -> None:
    site.file.unlink()
    with closing(sqlite3.connect(site.file)) as connection:
        connection.execute("CREATE TABLE invoices (number)")
        connection.commit()
    before = site.file.read_bytes()
    assert used(site) == [StoreSchemaForeign.code]
    assert site.file.read_bytes() == before
