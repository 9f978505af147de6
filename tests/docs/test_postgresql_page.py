"""What the page on PostgreSQL grants is enough, and not more than is needed."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from tests.conformance.newer_library import gated
from tests.docs.page_runner import blocks_in
from waystation import Waystation, open_store
from waystation.errors import StoreAccessDenied

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "postgresql.md"

pytestmark = pytest.mark.anyio


async def as_role(url: str, role: str) -> str:
    """The address of the database for the role; with the page's schema."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}@{parts.hostname}:{parts.port}", query="schema=waystation"))


async def test_a_role_with_the_pages_grants_drives_runs_and_cannot_change_the_schema(postgres: str) -> None:
    (script,) = blocks_in(PAGE.read_text(encoding="utf-8"), "sql")
    role = f"app_{urlsplit(postgres).path[-8:]}"
    owner = await asyncpg.connect(postgres)
    try:
        await owner.execute(script.replace("waystation_app", role))
        before = Waystation(workflows=[gated], store=await as_role(postgres, role))
        with pytest.raises(StoreAccessDenied, match="waystation db upgrade"):
            await before.open()
        store = open_store(f"{postgres}?schema=waystation")
        await store.open()  # what ``waystation db upgrade`` does, as the owner
        await store.close()
        async with Waystation(workflows=[gated], store=await as_role(postgres, role)) as app:
            run = await app.get_workflow(gated).create_run()
            assert (await run.start(1)).status == "suspended"
            assert len(await app.pending()) == 1
            assert (await run.resume(data=True)).status == "success"
            await app.delete_run(run.run_id)
        user = await asyncpg.connect((await as_role(postgres, role)).partition("?")[0])
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await user.execute("ALTER TABLE waystation.waystation_runs ADD COLUMN mine integer")
        await user.close()
    finally:
        await owner.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
        await owner.close()
