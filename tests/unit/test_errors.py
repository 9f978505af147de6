"""The tree of errors: what a program, a reader and a process that is sent one can rely on."""

from __future__ import annotations

import copy
import pickle
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import import_module

import pytest

from waystation import errors
from waystation.errors import AmbiguousSuspension, DataError, DefinitionChanged, RunError, WaystationError


def classes(kind: type[WaystationError]) -> Iterator[type[WaystationError]]:
    """``kind`` and those below it that are public: not a test's, nor the command's own."""
    if kind.__module__.startswith("waystation.errors"):
        yield kind
    for below in kind.__subclasses__():
        yield from classes(below)


ALL = list(classes(WaystationError))


def drawn() -> dict[str, str | None]:
    """The tree in the docstring: from each class to the one above it."""
    above: list[str] = []
    found: dict[str, str | None] = {}
    for line in (errors.__doc__ or "").splitlines():
        drawing = re.fullmatch(r"    ([│├└─ ]*)([A-Z]\w+)(?:   .+)?", line)
        if drawing is None:
            continue
        depth = len(drawing[1]) // 4
        del above[depth:]
        found[drawing[2]] = above[-1] if above else None
        above.append(drawing[2])
    return found


def test_every_error_has_a_code_of_its_own() -> None:
    assert {kind.__name__ for kind in ALL if "code" not in vars(kind)} == set()
    assert [code for code, times in Counter(kind.code for kind in ALL).items() if times > 1] == []
    assert [kind.code for kind in ALL if not re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code)] == []


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_an_error_says_in_one_line_what_it_is(kind: type[WaystationError]) -> None:
    first, *rest = (vars(kind)["__doc__"] or "").split("\n")
    assert re.fullmatch(r"\S.+[^.\s]\.?", first)
    assert not rest or rest[0] == "", "the default message is the first line, and a whole sentence"


def test_the_tree_that_is_drawn_is_the_tree_there_is() -> None:
    assert drawn() == {kind.__name__: None if kind is WaystationError else (kind.__bases__[0].__name__) for kind in ALL}


def test_every_error_of_any_module_is_a_name_of_the_one_module() -> None:
    assert sorted(errors.__all__) == sorted(kind.__name__ for kind in ALL)
    for kind in ALL:
        assert getattr(errors, kind.__name__) is kind
    modules = [import_module(found.name) for found in pkgutil.iter_modules(errors.__path__, "waystation.errors.")]
    assert {kind.__module__ for kind in ALL} == {module.__name__ for module in modules}


def example(kind: type[WaystationError]) -> WaystationError:
    if issubclass(kind, DataError):
        return kind([("a.b", "is wrong"), ("c", "too")], workflow_id="flow", address="review")
    if kind is AmbiguousSuspension:
        return AmbiguousSuspension("several", run_id="r1", addresses=["a", "b"])
    if kind is DefinitionChanged:
        return DefinitionChanged(run_id="r1", workflow_id="flow", differences=["one", "two"])
    if issubclass(kind, RunError):
        return kind("no", run_id="r1")
    return kind("no")


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_an_error_that_is_sent_to_another_process_or_copied_is_the_same_there(kind: type[WaystationError]) -> None:
    error = example(kind)
    error.add_note("noted")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is kind
        assert (str(again), vars(again), again.args) == (str(error), vars(error), error.args)


def test_so_is_one_of_a_users_own_that_takes_other_arguments() -> None:
    error = CardRefused("visa", tries=3)
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, CardRefused)
    assert (str(again), again.card, again.tries) == ("the visa card was refused", "visa", 3)


def test_so_is_one_of_a_users_own_that_is_a_timeout() -> None:
    error = NobodyThere("the printer", rings=3)
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, NobodyThere)
    assert (str(again), again.args, again.rings) == ("the printer did not answer", error.args, 3)


def test_a_steps_timeout_is_a_timeout_error_and_no_error_of_the_system() -> None:
    error = errors.StepTimeout("too long")
    assert isinstance(error, TimeoutError)
    assert (str(error), error.args, error.errno, error.code) == ("too long", ("too long",), None, "step_timeout")


class CardRefused(errors.NonRetryable):
    """The card was refused."""

    def __init__(self, card: str, *, tries: int, reasons: Sequence[str] = ()) -> None:
        self.card, self.tries, self.reasons = card, tries, reasons
        super().__init__(f"the {card} card was refused")


class NobodyThere(errors.StepTimeout):
    """Nobody answered."""

    def __init__(self, whom: str, *, rings: int) -> None:
        self.rings = rings
        super().__init__(f"{whom} did not answer")


def test_an_error_without_a_message_says_its_one_line() -> None:
    assert str(errors.StoreFull()) == "There is no space left for the store."
    assert str(RunError(run_id="r1")) == "The request does not fit the run as it stands; nothing was changed."
