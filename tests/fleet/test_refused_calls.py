"""What becomes of a connection to a worker that ends, when one more call comes on it."""

from __future__ import annotations

import pytest
from h2.events import ConnectionTerminated, StreamReset

from tests.fleet.life.connections import both_ends

pytestmark = pytest.mark.anyio


async def test_a_call_that_comes_as_a_worker_ends_is_refused_and_those_under_way_stay() -> None:
    async with both_ends() as ends:
        await ends.connection.initiate()
        await ends.call(1)
        await ends.ends.terminated.set()
        await ends.call(3)
        heard = ends.heard()
        assert [event.stream_id for event in heard if isinstance(event, StreamReset)] == [3]
        assert not any(isinstance(event, ConnectionTerminated) for event in heard)
        assert not ends.is_told_idle


async def test_a_connection_on_which_all_calls_are_refused_is_closed() -> None:
    async with both_ends() as ends:
        await ends.ends.terminated.set()
        await ends.connection.initiate()
        await ends.call(1)
        assert any(isinstance(event, ConnectionTerminated) for event in ends.heard())
        assert ends.is_told_idle
