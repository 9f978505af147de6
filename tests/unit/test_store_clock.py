"""The clock that a store gives: moved as far as the newest answer demands, and no further."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import pytest

from waystation.core.refs import Millis
from waystation.engine import store_clock
from waystation.engine.store_clock import StoreClock
from waystation.errors import StoreUnavailable
from waystation.store.memory import MemoryStore
from waystation.store.passing import PassingStore

pytestmark = pytest.mark.anyio


class Machine:
    """A machine's own clock, in milliseconds, which goes on only when it is told."""

    def __init__(self) -> None:
        self.passed = 5_000_000.0

    def __call__(self) -> float:
        return self.passed


class Server(PassingStore):
    """A store whose clock is ahead of the machine's; between question and answer some time goes by.

    Attributes:
        ahead: by so many milliseconds.
        ways: how long the question, and how long the answer is under way, each time; None of a server that is away.
    """

    def __init__(self, machine: Machine, ways: Sequence[tuple[float, float] | None]) -> None:
        super().__init__(MemoryStore())
        self._machine = machine
        self._ways = iter(ways)
        self.ahead = 1_000_000_000
        self.asked = asyncio.Event()

    async def now(self) -> Millis | None:
        way = next(self._ways)
        self.asked.set()
        if way is None:
            raise StoreUnavailable("away")
        self._machine.passed += way[0]
        told = int(self._machine.passed + self.ahead)
        self._machine.passed += way[1]
        return told


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(store_clock, "_passed", machine)
    return machine


def off(clock: StoreClock, server: Server, machine: Machine) -> float:
    """By how much it is ahead of the server's."""
    return clock.now() - (machine.passed + server.ahead)


async def test_it_is_right_by_half_a_round_trip_and_goes_on_with_the_machines(machine: Machine) -> None:
    for way in ((0, 0), (40, 0), (0, 40), (10, 30)):
        server = Server(machine, [way])
        clock = StoreClock(server)
        assert await clock.ask()
        assert abs(off(clock, server, machine)) <= sum(way) / 2 + 1
        before = clock.now()
        machine.passed += 700
        assert clock.now() == before + 700


async def test_each_answer_narrows_it_and_a_slow_one_spoils_nothing(machine: Machine) -> None:
    server = Server(machine, [(400, 0), (1, 1), (0, 900), (900, 0)])
    clock = StoreClock(server)
    await clock.ask()
    assert abs(off(clock, server, machine)) > 100
    await clock.ask()
    best = off(clock, server, machine)
    assert abs(best) <= 3
    for _ in range(2):
        await clock.ask()
        assert off(clock, server, machine) == pytest.approx(best, abs=1)


@pytest.mark.parametrize("by", [-7_000, -20, 20, 7_000])
async def test_it_goes_with_a_servers_clock_that_was_set_and_says_so_if_it_was_far(
    by: int, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server(machine, [(1, 1), (1, 1)])
    clock = StoreClock(server)
    await clock.ask()
    server.ahead += by
    with caplog.at_level(logging.WARNING, "waystation.clock"):
        await clock.ask()
    assert abs(off(clock, server, machine)) <= 3
    assert [record.levelname for record in caplog.records] == (["WARNING"] if abs(by) > 1000 else [])


async def test_it_is_asked_again_and_again_though_the_server_is_away_in_between(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_clock, "_EVERY", 0.0)
    server = Server(machine, [(1, 1), None, (1, 1)])
    clock = StoreClock(server)
    await clock.ask()
    asking = asyncio.create_task(clock.ask_on())
    await server.asked.wait()
    server.ahead += 5_000
    async with asyncio.timeout(10):
        while abs(off(clock, server, machine)) > 3:
            assert not asking.done()
            await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])


async def test_a_store_without_a_clock_is_told(machine: Machine) -> None:
    assert not await StoreClock(MemoryStore()).ask()
    assert machine.passed == 5_000_000
