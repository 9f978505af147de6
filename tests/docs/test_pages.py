"""What the docs say is so: their programs and sessions run, their made pages are as they are made, names are there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import session_runner, transitions_page
from tests.docs.page_runner import blocks_of
from tests.docs.pages import PAGES, ROOT, fences, name, text
from waystation import Run, RunnableWorkflow, StepContext, Waystation
from waystation.core.entries import StepBailed, StepCancelled, StepFailed, StepSucceeded
from waystation.core.step_effects import TRANSITIONS
from waystation.define.builder import Builder

RUNNER = Path(__file__).with_name("page_runner.py")
PROGRAMS = [page for page in PAGES if blocks_of(text(page))]
SESSIONS = [page for page in PAGES if any(each.kind == "console" for each in fences(page))]


def environment(page: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """What a page's programs find: this library, and a database and a Restate if they ask for them."""
    paths = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    given = {"DATABASE_URL": "postgres", "DISPATCH_URL": "dispatch"}
    found = {name: request.getfixturevalue(fixture) for name, fixture in given.items() if name in text(page)}
    return {"PYTHONPATH": str(ROOT / "src"), "PATH": paths, **found}


ON_A_FLEET = [page for page in PROGRAMS if "DISPATCH_URL" in text(page)]


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[pytest.mark.fleet] * (page in ON_A_FLEET), id=name(page)) for page in PROGRAMS],
)
def test_the_programs_of_a_page_run_and_print_what_their_comments_say(
    page: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(RUNNER), str(page)],
        cwd=tmp_path,
        env=environment(page, request),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", SESSIONS, ids=name)
def test_the_session_of_a_page_goes_as_it_says(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    session_runner.run(page, tmp_path, {**environment(page, request), "COLUMNS": "120"})


def test_a_session_that_goes_otherwise_is_told(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        '```python title="a.py"\nprint(1 + 1)\n```\n\n```console\n$ python a.py\n3\n```\n', encoding="utf-8"
    )
    with pytest.raises(AssertionError, match=r"page.md:6: `python a.py` printed\n2\n"):
        session_runner.run(page, tmp_path, {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"})


def test_the_guide_and_the_readme_have_programs_and_the_tutorial_is_a_session() -> None:
    assert {name(page) for page in PAGES if "guide/" in name(page)} <= {name(page) for page in PROGRAMS}
    assert "README.md" in map(name, PROGRAMS)
    assert "docs/tutorial.md" in map(name, SESSIONS)


def test_files_are_written_only_on_pages_that_are_sessions() -> None:
    with_files = {page for page in PAGES for each in fences(page) if each.info.startswith("python title=")}
    assert with_files <= set(SESSIONS), "nobody would run them"


# --------------------------------------------------------------------------- what there is


def public(kind: type) -> set[str]:
    """The names of a class that users write, without the twins for code that is not async."""
    named = {name for base in kind.__mro__ for name in (*vars(base), *vars(base).get("__annotations__", {}))}
    return {name for name in named if not name.startswith("_") and not name.endswith("_sync")}


NOT_FOR_USERS = {"rested", "draft", "id", "call", "opened", "workflow", "workflows", "versions", "output"}
"""Names without an underscore that are the library's own, or plain attributes."""


@pytest.mark.parametrize(
    "kind", [Builder, StepContext, Run, RunnableWorkflow, Waystation], ids=lambda kind: kind.__name__
)
def test_the_readme_names_every_method(kind: type) -> None:
    readme = text(ROOT / "README.md")
    assert {name for name in public(kind) - NOT_FOR_USERS if not re.search(rf"\b{name}\b", readme)} == set()


@pytest.mark.parametrize("page", [ROOT / "docs/how-a-run-goes.md", ROOT / "CONTRIBUTING.md"], ids=name)
def test_every_room_and_file_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(r"`((?:\w+/)*\w+\.py|\w+/)`", text(page))
    assert len(named) > 5
    assert [
        path for path in named if not any((there / path).exists() for there in (ROOT / "src/waystation", ROOT))
    ] == []


# --------------------------------------------------------------------------- pages that are made


def test_the_page_of_transitions_is_made_of_the_table() -> None:
    assert text(transitions_page.PAGE) == transitions_page.page(), "run `make transitions-page`"
    assert text(transitions_page.PICTURE) == transitions_page.picture(), "run `make transitions-page`"


def test_the_page_of_transitions_tells_all_ends_apart() -> None:
    ends = {entry for (_, entry), after in TRANSITIONS.items() if after is None}
    assert ends == {StepSucceeded, StepBailed, StepFailed, StepCancelled}
    drawn = transitions_page.picture()
    assert all(f">{entry.__name__}<" in drawn for _, entry in TRANSITIONS)
