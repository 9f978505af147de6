"""``docs/conformance.md`` says what the tests show, and answers to each observed behaviour of the model."""

from __future__ import annotations

from tests.conformance.left_out import LEFT_OUT, NOT_ON_A_FLEET
from tests.conformance.model import OBSERVED
from tests.conformance.page import AREAS, PAGE, ROOT, marked_files, page, shown_behaviours, unanswered


def test_the_page_is_what_the_marks_of_the_tests_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(shown_behaviours()), "run `make conformance-page`"


def test_every_observed_behaviour_of_the_model_is_answered_by_a_test_or_left_out_with_a_reason() -> None:
    assert list(OBSERVED) == list(range(1, 91))
    assert {number: OBSERVED[number] for number in unanswered(shown_behaviours())} == {}


def test_what_is_better_says_what_the_model_does() -> None:
    shown = shown_behaviours()
    assert [each.tests for each in shown if each.verdict == "better" and not each.why] == []
    assert [each.tests for each in shown if each.verdict == "same" and each.why] == []


def test_marks_name_known_areas_and_known_numbers() -> None:
    shown = shown_behaviours()
    assert len(marked_files()) > 5
    assert {each.area for each in shown} <= set(AREAS)
    assert {number for each in shown for number in each.model} <= set(OBSERVED)
    assert {number for each in LEFT_OUT for number in each.model} <= set(OBSERVED)


def test_what_is_left_out_has_its_reason() -> None:
    assert [each for each in LEFT_OUT if not each.why] == []
    assert len({each.feature for each in LEFT_OUT}) == len(LEFT_OUT)


def test_what_is_not_run_on_a_fleet_is_there_and_has_its_reason() -> None:
    for each in NOT_ON_A_FLEET:
        assert each.why
        for test in each.tests:
            file, _, name = test.partition("::")
            assert f"def {name}" in (ROOT / "tests" / "conformance" / file).read_text(encoding="utf-8")
