"""What a parked run costs a Restate: nothing, or a call that is to be made later."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.fleet.place import Fleet, Servers, fleet, on_disk, resident
from benchmarks.fleet.work import ASLEEP
from benchmarks.peers.waystation_peer import gated
from benchmarks.stored import stored_bytes

_AT_ONCE = 16
_TABLES = ("sys_invocation", "sys_journal", "state", "sys_inbox", "sys_keyed_service_status")


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a Restate and a store hold at a time.

    Attributes:
        memory, disk: bytes of the Restate: of its process, and of its files.
        store: bytes of the database.
        calls: calls of this fleet that are not completed, by how they stand.
        rows: of Restate's tables.
    """

    memory: int
    disk: int
    store: int
    calls: Mapping[str, int]
    rows: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Parked:
    """What was held before and after so many runs were parked."""

    kind: str
    count: int
    before: Held
    after: Held


async def parked(servers: Servers, count: int) -> list[Parked]:
    """Runs that wait for an answer, and runs that sleep for a day; each kind with a fleet of its own."""
    found: list[Parked] = []
    for kind in ("suspended", "sleeping"):
        async with fleet(servers, 1) as measured:
            await _park(measured, kind, 20)  # warm
            before = await _settled(servers, measured)
            await _park(measured, kind, count)
            found.append(Parked(kind=kind, count=count, before=before, after=await _settled(servers, measured)))
    return found


async def _park(measured: Fleet, kind: str, count: int) -> None:
    workflow = gated if kind == "suspended" else ASLEEP
    numbers = iter(range(count))

    async def park_some() -> None:
        for _ in numbers:
            await measured.app.get_workflow(workflow).start_async({"n": 0})

    await asyncio.gather(*(park_some() for _ in range(_AT_ONCE)))
    await measured.came_to_rest()


async def _settled(servers: Servers, measured: Fleet) -> Held:
    """What is held once no call is under way any more."""
    where = f"target_service_name LIKE '{measured.pool}.%' AND status <> 'completed'"
    while True:
        rows = await servers.told(f"SELECT status, COUNT(*) AS count FROM sys_invocation WHERE {where} GROUP BY status")
        calls = {str(row["status"]): int(str(row["count"])) for row in rows}
        if not calls.keys() - {"scheduled"}:
            break
        await asyncio.sleep(0.1)
    tables = {table: await servers.told(f"SELECT COUNT(*) AS count FROM {table}") for table in _TABLES}
    return Held(
        memory=resident(servers.restate.pid),
        disk=on_disk(servers.restate.folder / "data"),
        store=await stored_bytes(measured.store) or 0,
        calls=calls,
        rows={table: int(str(rows[0]["count"])) for table, rows in tables.items()},
    )
