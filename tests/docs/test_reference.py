"""The reference is made of the code, and every public name has its place in it."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.docs import docstrings, reference_pages
from tests.docs.pages import name, text
from tests.docs.reference_map import PUBLIC, entries
from waystation import errors

MADE = reference_pages.pages()


@pytest.mark.parametrize("page", MADE, ids=name)
def test_a_page_of_the_reference_is_made_of_the_docstrings(page: Path) -> None:
    assert text(page) == MADE[page], "run `make reference-pages`"


def test_no_page_of_the_reference_is_left_over() -> None:
    assert {name(page) for page in reference_pages.FOLDER.glob("*.md")} <= {name(page) for page in MADE}


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_of_a_module_is_in_the_reference(module: str) -> None:
    placed = {id(entry.thing) for entry in entries()}
    there = import_module(module)
    assert [each for each in there.__all__ if id(getattr(there, each)) not in placed] == []


def test_every_public_name_says_what_it_is() -> None:
    assert [entry.name for entry in entries() if not entry.doc] == []


def test_every_method_that_users_have_says_what_it_does() -> None:
    silent = [
        f"{entry.name}.{each}"
        for entry in entries()
        if entry.is_class and isinstance(entry.thing, type)
        for base in entry.thing.__mro__
        if base.__module__.startswith("waystation")
        for each, thing in vars(base).items()
        if not each.startswith(("_", "test_")) and inspect.isfunction(thing) and not inspect.getdoc(getattr(base, each))
    ]
    assert silent == []


def test_every_error_is_on_its_page_with_its_code() -> None:
    page = text(reference_pages.FOLDER / "errors.md")
    rows = dict(re.findall(r"</a>`(\w+)` \| `(\w+)` \|", page))
    assert rows == {each: getattr(errors, each).code for each in errors.__all__}
    assert len(set(rows.values())) == len(rows), "a code names one error"


def test_a_docstring_becomes_text_lists_and_links() -> None:
    doc = inspect.cleandoc(
        """Do ``this``.

        Arguments:
            a, b: what
                goes on.

        Raises:
            StoreBusy, StoreFull.
            Other: why.
        """
    )
    link = {"StoreBusy": "[`StoreBusy`](e.md)"}.get
    assert docstrings.text_of(doc, lambda code: link(code, f"`{code}`")) == (
        "Do `this`.\n\n**Arguments**\n\n- `a`, `b`: what goes on.\n\n"
        "**Raises**\n\n- [`StoreBusy`](e.md), `StoreFull`\n- `Other`: why."
    )
