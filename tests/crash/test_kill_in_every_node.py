"""A process is killed before and after each of its journal writes, in every kind of node; another ends the run.

The writes are found by counting: the n-th write of a process is its end, for n from 1 on, until one lives.
"""

from __future__ import annotations

from typing import Any, Literal

import pytest

from tests.crash.fork_server import ForkServer
from tests.crash.homes import EVERYWHERE, Home
from tests.crash.judge import Site, Standing, check_ended, check_interrupted
from tests.crash.plays import PLAYS
from waystation.define.nodes import Node


@pytest.fixture
def site(home: Home) -> Site:
    """Prepared; others are made from it."""
    site = Site(home.folder / "prepared", elsewhere=home if home.server is not None else None)
    site.prepare()
    return site


def performed(play: str, site: Site, forks: ForkServer) -> tuple[dict[str, Any], Standing]:
    """What a run comes to that nothing interrupts, and how it stands then."""
    whole = site.anew("whole")
    told = forks.perform(play, whole.url, whole.ledger.path)
    assert told is not None
    return told, whole.look()


def test_the_workflows_hold_every_kind_of_node() -> None:
    kinds = {type(place.node) for play in PLAYS.values() for place in play.workflow.graph.places.values()}
    assert kinds == set(Node.__args__)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("play", PLAYS)
def test_a_run_killed_at_any_write_ends_the_same_and_nothing_done_is_done_again(
    play: str, when: Literal["before", "after"], site: Site, forks: ForkServer
) -> None:
    whole, reference = performed(play, site, forks)
    assert len(reference.entries) >= whole["writes"] - whole["refused"], "each write is one or more entries"
    at = killed = 0
    while True:
        at += 1
        crashed = site.anew(f"at_{at}")
        told = forks.perform(play, crashed.url, crashed.ledger.path, crash_at=at, when=when)
        if told is None:
            killed += 1
            before = crashed.look()
            told = forks.perform(play, crashed.url, crashed.ledger.path)
            assert told is not None
            after = crashed.look()
            check_interrupted(before, after)
            check_ended(PLAYS[play].workflow.graph, after, reference, crashes=1)
            assert told["result"] == whole["result"], f"killed {when} write {at}"
        else:
            # What ends while a commit is under way is one write or several, so their number is not the same each time:
            # that this run had fewer does not end the search.
            assert told["result"] == whole["result"]
            if at > whole["writes"]:
                break
    assert killed


@pytest.mark.parametrize(
    ("home", "at"),
    [(kind, at) for kind in ("sqlite", "postgres") for at in (1, 2, 3) if EVERYWHERE or kind == "sqlite" or at == 1],
    indirect=["home"],
)
@pytest.mark.parametrize("play", PLAYS)
def test_a_run_whose_every_process_is_killed_after_a_few_writes_ends_the_same(
    play: str, at: int, site: Site, forks: ForkServer
) -> None:
    whole, reference = performed(play, site, forks)
    crashed = site.anew("crashed")
    standings: list[Standing] = []
    while (told := forks.perform(play, crashed.url, crashed.ledger.path, crash_at=at)) is None:
        standings.append(crashed.look())
        assert len(standings) <= 3 * whole["writes"], "the run does not get on"
    # What ends while a commit is under way is one write or several: the shortest run was seen to be over after two
    # times three writes.
    assert len(standings) > (1 if at == 3 else 2)
    after = crashed.look()
    for before in standings:
        check_interrupted(before, after)
    check_ended(PLAYS[play].workflow.graph, after, reference, crashes=len(standings))
    assert told["result"] == whole["result"]
