"""``show`` in a terminal of 80 columns: each line has room for its state, however deep it is in the run."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Folder
from tests.cli.spots import timeless
from waystation.cli import printing
from waystation.cli.screen import Screen

NESTED = """
@step
def first(docs: list[Doc]) -> list[Doc]:
    return docs
@step
def look(doc: Doc) -> Doc:
    return doc
def is_bad(doc: Doc) -> bool:
    return doc.document_id == "BAD"
again = workflow("looking", input=Doc, output=Doc).do_while(look, is_bad, id="looking-again").commit()
each = (
    workflow("a-workflow-for-each", input=Doc, output=dict[str, Status])
    .then(again)
    .parallel([check, review], id="side-by-side")
    .commit()
)
nested = (
    workflow("a-workflow-of-many", input=list[Doc], output=list[dict[str, Status]])
    .then(first)
    .foreach(each, concurrency=2, id="what-is-done-for-each-of-the-documents")
    .commit()
)
app = Waystation(workflows=[nested, """

SHOWN = """\
a-workflow-of-many  run r1  ⏸ suspended
├── input [{"document_id":"DOC-1"}]
├── first  ✓ success  TIME  LONG
│     gave [{"document_id":"DOC-1"}]
└── what-is-done-for-each-of-the-documents  for each item, 1 items
    └── [0]/a-workflow-for-each  workflow
        ├── looking  workflow
        │   └── looking-again  again and again, 1 turns
        │       └── #1/look  ✓ success  TIME  LONG
        │             gave {"document_id":"DOC-1"}
        └── side-by-side  side by side
            ├── check  ✓ success  TIME  LONG
            │     gave {"status":"fine"}
            └── review  ⏸ suspended  TIME
                  asked {"reason":"Approve DOC-1"}
"""


@pytest.fixture
def _narrow(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.change("app = Waystation(workflows=[", NESTED)
    monkeypatch.setattr(printing, "whole", lambda: Screen(width=80))


@pytest.mark.usefixtures("_narrow")
def test_a_line_says_of_its_address_what_the_line_above_does_not_say(folder: Folder) -> None:
    folder.waystation("run", "a-workflow-of-many", "--run-id", "r1", "--input", '[{"document_id": "DOC-1"}]')
    assert timeless(folder.waystation("show", "r1").out) == SHOWN


@pytest.mark.usefixtures("_narrow")
def test_a_failure_below_its_step_does_not_say_again_where_it_was(folder: Folder) -> None:
    folder.change('return doc.document_id == "BAD"', "return False")
    folder.waystation("run", "a-workflow-of-many", "--run-id", "r1", "--input", '[{"document_id": "BAD"}]')
    shown = folder.waystation("show", "r1").out.splitlines()
    below = next(number for number, line in enumerate(shown) if "check  ✗ failed" in line) + 1
    assert shown[below].strip("│ ") == "failed: ValueError: cannot read it"
    where = "what-is-done-for-each-of-the-documents[0]/a-workflow-for-each/check"
    assert where in "".join(line.strip() for line in shown[below:]), "where a line stands alone it says where"
