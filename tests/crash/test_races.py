"""Processes that do something to one run at the same instant. They are let go together by a gate, many rounds each."""

from __future__ import annotations

import json
from collections import Counter

from tests.crash.homes import Home
from tests.crash.racers import track
from waystation.core.entries import (
    AnyEntry,
    CancelRequested,
    EventReceived,
    RunCreated,
    RunStarted,
    StepSucceeded,
    SuspensionAnswered,
)

ROUNDS = 20


def count(journal: list[AnyEntry], kind: type[AnyEntry]) -> int:
    return sum(isinstance(entry, kind) for entry in journal)


def test_two_people_answer_two_open_suspensions_at_once_from_two_processes_and_both_are_accepted(
    home: Home,
) -> None:
    with track(home, racers=2) as races:
        for number in range(ROUNDS):
            run = {"workflow": "two-gates", "run": f"r{number}"}
            starter = races.racers[number % 2]
            assert starter.do(do="start", input="?", **run) == "suspended"
            told = races.race(
                {"do": "answer", "step": "legal", "data": "yes", **run},
                {"do": "answer", "step": "money", "data": "no", **run},
            )
            assert told == ["accepted", "accepted"], f"round {number}"
            for racer in races.racers:
                assert racer.do(do="wait", **run) == ["success", "legal: yes, money: no"], f"round {number}"
            assert count(races.journal(run["run"]), SuspensionAnswered) == 2
        assert Counter(races.ledger.lines()) == {"legal": ROUNDS, "money": ROUNDS, "join": ROUNDS}


def test_of_four_processes_that_answer_one_suspension_at_once_one_is_accepted(home: Home) -> None:
    with track(home, racers=4) as races:
        for number in range(ROUNDS // 2):
            run = {"workflow": "one-gate", "run": f"r{number}"}
            assert races.racers[number % 4].do(do="start", input="?", **run) == "suspended"
            told = races.race(
                *({"do": "answer", "step": "legal", "data": f"person {person}", **run} for person in range(4))
            )
            assert told.count("accepted") == 1, f"round {number}: {told}"
            assert told.count({"refused": "already_answered"}) == 3, f"round {number}: {told}"
            winner = told.index("accepted")
            for racer in races.racers:
                assert racer.do(do="wait", **run) == ["success", f"signed by person {winner}"]
        assert Counter(races.ledger.lines()) == {"legal": ROUNDS // 2, "sign": ROUNDS // 2}


def test_processes_that_start_with_one_idempotency_key_at_once_have_one_run(home: Home) -> None:
    with track(home, racers=3) as races:
        for number in range(ROUNDS):
            told = races.race(
                *({"do": "start_by_key", "workflow": "charged", "input": number, "key": f"k{number}"} for _ in range(3))
            )
            assert told[0][1] == number + 1
            assert told == [told[0]] * 3, f"round {number}: {told}"
            journal = races.journal(told[0][0])
            assert (count(journal, RunCreated), count(journal, RunStarted)) == (1, 1)
        runs = races.run_ids("charged")
        assert len(runs) == ROUNDS
        assert Counter(races.ledger.lines()) == {f"charge {run_id}": 1 for run_id in runs}


def test_a_run_that_was_created_by_key_is_started_once_by_starts_with_that_key_at_once(home: Home) -> None:
    with track(home, racers=3) as races:
        for number in range(ROUNDS // 2):
            created = races.race(
                *({"do": "create_by_key", "workflow": "charged", "key": f"k{number}"} for _ in range(3))
            )
            assert len(set(created)) == 1
            told = races.race(
                *({"do": "start_by_key", "workflow": "charged", "input": number, "key": f"k{number}"} for _ in range(3))
            )
            assert told == [[created[0], number + 1]] * 3
        assert sorted(races.ledger.lines()) == sorted(f"charge {run_id}" for run_id in races.run_ids("charged"))


def test_two_processes_send_events_to_one_run_at_once_and_each_wait_takes_its_own(home: Home) -> None:
    with track(home, racers=3) as races:
        for number in range(ROUNDS):
            run = {"workflow": "two-events", "run": f"r{number}"}
            # Nobody rests while the run waits, so the third process is the one that starts it and waits for its end.
            races.racers[2].do(do="begin", workflow="two-events", runs=[run["run"]], input="?")
            told = races.race(
                {"do": "send", "event": "left", "data": "one", **run},
                {"do": "send", "event": "right", "data": "other", **run},
            )
            assert told == ["sent", "sent"]
            result = races.racers[2].do(do="wait", **run)
            assert result == ["success", "waits-for-left: one, waits-for-right: other"], f"round {number}"
            assert count(races.journal(run["run"]), EventReceived) == 2
        assert races.ledger.lines() == ["join"] * ROUNDS


def test_events_that_two_processes_send_at_once_to_a_suspended_run_are_kept_and_a_repeated_one_once(
    home: Home,
) -> None:
    with track(home, racers=4) as races:
        for number in range(ROUNDS // 2):
            run = {"workflow": "kept-events", "run": f"r{number}"}
            assert races.racers[0].do(do="start", input="?", **run) == "suspended"
            told = races.race(
                {"do": "send", "event": "left", "data": "one", "key": "l", **run},
                {"do": "send", "event": "right", "data": "other", "key": "r", **run},
                {"do": "send", "event": "left", "data": "one", "key": "l", **run},
                {"do": "send", "event": "right", "data": "other", "key": "r", **run},
            )
            assert told == ["sent"] * 4
            assert races.racers[1].do(do="answer", step="legal", data="yes", **run) == "accepted"
            for racer in races.racers:
                assert racer.do(do="wait", **run) == ["success", "signed by other"], f"round {number}"
            assert count(races.journal(run["run"]), EventReceived) == 2


def test_an_answer_and_a_cancel_at_once_have_one_outcome_that_all_agree_on(home: Home) -> None:
    with track(home, racers=2) as races:
        for number in range(ROUNDS):
            run = {"workflow": "one-gate", "run": f"r{number}"}
            assert races.racers[number % 2].do(do="start", input="?", **run) == "suspended"
            answered, cancelled = races.race(
                {"do": "answer", "step": "legal", "data": "me", **run}, {"do": "cancel", **run}
            )
            journal = races.journal(run["run"])
            kinds = [type(entry) for entry in journal]
            if answered == "accepted":
                assert SuspensionAnswered in kinds, "the answer was accepted, so it is recorded"
            else:
                assert answered == {"refused": "not_suspended"}
                assert SuspensionAnswered not in kinds
            if SuspensionAnswered in kinds and CancelRequested in kinds:
                assert kinds.index(SuspensionAnswered) < kinds.index(CancelRequested), "nothing is answered after it"
            # The cancel may come when the run has ended by the answer: then it changes nothing.
            assert cancelled == ("cancelled" if CancelRequested in kinds else "success")
            assert races.folded("one-gate", run["run"]).standing == cancelled
            for racer in races.racers:
                assert racer.do(do="wait", **run)[0] == cancelled


def test_a_step_in_flight_is_told_at_once_when_another_process_cancels_its_run(home: Home) -> None:
    with track(home, racers=2) as races:
        driver, other = races.racers
        run = {"workflow": "long-one", "run": "r1"}
        driver.do(do="begin", workflow="long-one", runs=["r1"], input="x")
        races.wait_until_it_began()
        assert other.do(do="cancel", **run) == "cancelled"
        assert driver.do(do="wait", **run) == ["cancelled", None]
        assert races.ledger.lines() == ["long was told"], "the next step never ran"
        # It ended by itself within its time of grace: that is recorded, and the run is cancelled all the same.
        done = [entry.address for entry in races.journal("r1") if isinstance(entry, StepSucceeded)]
        assert done == ["long"]
        assert races.folded("long-one", "r1").standing == "cancelled"


def test_a_step_that_does_not_heed_is_cut_off_when_another_process_cancels_its_run(home: Home) -> None:
    with track(home, racers=2) as races:
        driver, other = races.racers
        run = {"workflow": "deaf-one", "run": "r1"}
        driver.do(do="begin", workflow="deaf-one", runs=["r1"], input="x")
        races.wait_until_it_began()
        assert other.do(do="cancel", grace=0, **run) == "cancelled"
        assert driver.do(do="wait", **run) == ["cancelled", None]
        assert count(races.journal("r1"), StepSucceeded) == 0
        assert races.folded("deaf-one", "r1").standing == "cancelled"


def test_many_runs_driven_by_three_processes_all_end_though_the_drivers_are_killed_again_and_again(
    home: Home,
) -> None:
    runs = [f"r{number}" for number in range(50)]
    order = {"do": "wait_all", "workflow": "busy", "runs": runs}
    ends = iter((100, 60, 80, 50, 90, 70, 40))
    with track(home, racers=0) as races:
        starter = races.enter()
        assert starter.do(do="begin", workflow="busy", runs=runs, input=[1, 2, 3, 4]) == len(runs)
        starter.process.kill()
        assert starter.read_or_die() is None
        # Three at a time; each dies in the middle of what it has taken over, and another takes its place.
        for _ in range(3):
            races.enter("--crash-at", str(next(ends))).order(order)
        deaths = 0
        results: list[list[int]] = []
        while len(results) < 3:
            racer = races.next_to_speak()
            if (line := racer.read_or_die()) is not None:
                results.append(json.loads(line))
            else:
                deaths += 1
                races.enter("--crash-at", str(next(ends, 0))).order(order)
        assert results == [[20] * len(runs)] * 3
        # The first three cannot end it among them: the runs need more writes than they live to make. Whether those
        # after them die too is a matter of who takes what.
        assert deaths >= 3, "too little was left to do for processes to die in"
        for run_id in runs:
            journal = races.journal(run_id)
            done = [entry.address for entry in journal if isinstance(entry, StepSucceeded)]
            assert len(done) == len(set(done)), f"a step of {run_id} completed twice"
            assert races.folded("busy", run_id).standing == "success"
