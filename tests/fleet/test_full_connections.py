"""On a connection that is full, calls that its caller has queued behind those under way are let through."""

from __future__ import annotations

import asyncio

import pytest
from h2.events import RemoteSettingsChanged
from h2.settings import SettingCodes
from hypercorn.config import Config

from tests.fleet.life.connections import BothEnds, both_ends
from waystation.dispatch.restate import streams
from waystation.dispatch.restate.streams import ToldOnly

pytestmark = pytest.mark.anyio

LIMIT = 2


def limits(heard: list[object]) -> list[int]:
    """The limits that a caller has heard of."""
    told = [each.changed_settings for each in heard if isinstance(each, RemoteSettingsChanged)]
    code = SettingCodes.MAX_CONCURRENT_STREAMS
    return [int(each[code].new_value) for each in told if code in each]


async def next_limits(ends: BothEnds) -> list[int]:
    """The next of them."""
    while not (found := limits(await ends.next_heard())):
        pass
    return found


def config() -> Config:
    found = Config()
    found.h2_max_concurrent_streams = ToldOnly(LIMIT)
    return found


async def test_the_limit_of_a_full_connection_is_lifted_until_that_is_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "_WAY_AFTER", 0.01)
    async with both_ends(config()) as ends:
        await ends.connection.initiate()
        assert await next_limits(ends) == [LIMIT]
        await ends.call(1)
        await ends.call(3)
        for _ in range(2):  # and again, as calls may have been queued in the moment in which it was held again
            lifted = await next_limits(ends)
            assert len(lifted) == 1
            assert lifted[0] >= LIMIT + 50  # as many as Restate gives to a connection before it hears of a limit
            assert await next_limits(ends) == [LIMIT]


async def test_the_limit_of_a_connection_with_room_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_WAY_AFTER", 0.0)
    async with both_ends(config()) as ends:
        await ends.connection.initiate()
        assert await next_limits(ends) == [LIMIT]
        await ends.call(1)
        for _ in range(100):  # more turns than it takes to lift it
            await asyncio.sleep(0)
        assert limits(ends.heard()) == []


async def test_the_limit_of_a_worker_that_ends_is_not_lifted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_WAY_AFTER", 0.0)
    async with both_ends(config()) as ends:
        await ends.connection.initiate()
        assert await next_limits(ends) == [LIMIT]
        await ends.call(1)
        await ends.call(3)
        await ends.ends.terminated.set()
        for _ in range(100):
            await asyncio.sleep(0)
        assert max(limits(ends.heard()), default=0) <= LIMIT
