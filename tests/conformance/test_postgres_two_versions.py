"""While a deploy rolls, processes of two versions of the library work on one PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import IO

import pytest

from tests.conformance.newer_library import gated
from waystation import Waystation
from waystation.errors import StoreSchemaNewer
from waystation.store.postgres.schema import migrations

pytestmark = pytest.mark.anyio


@contextmanager
def newer(url: str, run_id: str, *, oldest: int) -> Generator[IO[str]]:
    """A process of a later version, whose schema works with versions from ``oldest`` on; gives what it says."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.conformance.newer_library", url, str(oldest), run_id],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout
        process.stdin.close()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def test_old_and_new_go_on_with_each_others_runs_after_the_new_has_migrated(postgres: str) -> None:
    async with Waystation(workflows=[gated], store=postgres) as old:
        parked = await old.get_workflow(gated).create_run()
        assert (await parked.start(1)).status == "suspended"
        with newer(postgres, parked.run_id, oldest=len(migrations())) as says:
            assert says.readline().strip() == "success"
            theirs = says.readline().strip()
            # The old one, which was there before the schema changed, and one that is started now, as in a restart.
            done = await (await old.get_run(theirs)).resume(data=True)
            assert (done.status, done.result if done.status == "success" else None) == ("success", 20)
            async with Waystation(workflows=[gated], store=postgres) as old_again:
                mine = await old_again.get_workflow(gated).create_run()
                assert (await mine.start(3)).status == "suspended"
                assert (await mine.resume(data=True)).status == "success"
    schema = await Waystation(workflows=[gated], store=postgres)._store.schema()
    assert (schema.version, schema.newest, schema.is_settled) == (len(migrations()) + 1, len(migrations()), True)


async def test_a_version_that_the_schema_does_not_work_with_any_more_is_told_to_upgrade(postgres: str) -> None:
    async with Waystation(workflows=[gated], store=postgres) as old:
        parked = await old.get_workflow(gated).create_run()
        assert (await parked.start(1)).status == "suspended"
    with newer(postgres, parked.run_id, oldest=len(migrations()) + 1) as says:
        assert says.readline().strip() == "success"
        with pytest.raises(StoreSchemaNewer, match="upgrade Waystation here"):
            await Waystation(workflows=[gated], store=postgres).open()
