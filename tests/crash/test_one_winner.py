"""Many answers to one suspension, at once, from two processes: one is accepted."""

from __future__ import annotations

from collections import Counter

from tests.crash.homes import Home
from tests.crash.processes import Place


def test_of_fifty_answers_at_once_from_two_processes_one_wins_and_the_next_step_runs_once(home: Home) -> None:
    place = Place(home)
    assert place.run("suspend")["status"] == "suspended"
    racers = [place.start("race", "--answers", "25") for _ in range(2)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    told = Counter(code for racer in racers for code in place.finish(racer)["told"])
    assert told == {"accepted": 1, "already_answered": 49}
    assert place.calls() == {
        "finalize": 1,
        "mail": 1,
        "review-answered": 1,
        "review-asked": 1,
        "submit": 1,
    }
