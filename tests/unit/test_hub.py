"""Who listens to one run, and who to all."""

from __future__ import annotations

import pytest

from waystation.engine.hub import Hub

pytestmark = pytest.mark.anyio


async def test_who_listens_to_all_hears_of_each_run_once_until_they_ask() -> None:
    hub = Hub()
    with hub.listening_to_all() as news:
        for run_id in ("a", "b", "a"):
            hub.announce(run_id)
        assert news.came.is_set()
        assert news.take() == ({"a", "b"}, False)
        assert not news.came.is_set()
        hub.tell_of(None)
        assert news.take() == (set(), True)
    hub.announce("c")
    assert news.take() == (set(), False), "they listen no more"


async def test_what_concerns_only_those_who_listen_to_all_wakes_nobody_else() -> None:
    hub = Hub()
    with hub.listening("a") as grown, hub.listening_to_all() as news:
        hub.tell_of("a")
        assert not grown.is_set()
        hub.announce("a")
        assert grown.is_set()
        assert news.take() == ({"a"}, False)


async def test_it_is_known_whether_anyone_listens() -> None:
    hub = Hub()
    known = [hub.has_listeners]
    with hub.listening_to_all():
        known.append(hub.has_listeners)
        assert list(hub.listened()) == []
        assert not hub.is_listened("a")
    with hub.listening("a"):
        known.append(hub.has_listeners)
        assert list(hub.listened()) == ["a"]
    known.append(hub.has_listeners)
    assert known == [False, True, True, False]
