"""What the docs say is so: their programs run, their links lead somewhere, their made pages are as they are made."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer import Typer

from tests.docs import transitions_page
from tests.docs.page_runner import blocks_in, blocks_of
from waystation import Run, RunnableWorkflow, StepContext, Waystation
from waystation.cli.commands import cli
from waystation.core.entries import StepBailed, StepCancelled, StepFailed, StepSucceeded
from waystation.core.step_effects import TRANSITIONS
from waystation.define.builder import Builder

ROOT = Path(__file__).resolve().parents[2]
RUNNER = Path(__file__).with_name("page_runner.py")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAMS = [page for page in PAGES if blocks_of(page.read_text(encoding="utf-8"))]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PROGRAMS, ids=name)
def test_the_programs_of_a_page_run_and_print_what_their_comments_say(
    page: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    needs = "DATABASE_URL" in page.read_text(encoding="utf-8")
    database = {"DATABASE_URL": request.getfixturevalue("postgres")} if needs else {}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(RUNNER), str(page)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": f"{Path(sys.executable).parent}", **database},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_guide_and_the_readme_have_programs() -> None:
    assert {name(page) for page in PAGES if "guide/" in name(page)} <= {name(page) for page in PROGRAMS}
    assert "README.md" in map(name, PROGRAMS)


def test_every_fence_says_what_it_holds() -> None:
    known = {"python", "sh", "sql", "text", "mermaid", "toml"}
    unknown = [
        f"{name(page)}: {fence!r}"
        for page in PAGES
        for fence in re.findall(r"^```(.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[::2]
        if fence not in known
    ]
    assert unknown == []


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
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {name for name in public(kind) - NOT_FOR_USERS if not re.search(rf"\b{name}\b", readme)} == set()


def commands(of: Typer = cli, before: str = "") -> Iterator[str]:
    """Every command, as it is called."""
    for command in of.registered_commands:
        if command.callback:
            yield before + (command.name or command.callback.__name__)
    for group in of.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, f"{before}{group.name} ")


COMMAND = r"waystation ((?:db )?[a-z-]+)"


def test_the_page_of_the_command_names_every_command_and_no_other() -> None:
    usage = blocks_in((ROOT / "docs/cli.md").read_text(encoding="utf-8"), "text")[0]
    named = re.findall(f"^{COMMAND}", usage, flags=re.MULTILINE)
    assert sorted(named) == sorted(commands())


def test_commands_that_pages_show_are_there() -> None:
    shown = {
        (name(page), command)
        for page in PAGES
        for command in re.findall(f"(?:^|`){COMMAND}", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }
    there = {*commands(), "command", "db"}
    assert {(page, command) for page, command in shown if command not in there} == set()


# --------------------------------------------------------------------------- links


def links(page: Path) -> Iterator[tuple[str, str]]:
    """The links of a page within the project: path (may be empty) and anchor."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield path, anchor


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    dead: list[str] = []
    for path, anchor in links(page):
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(f"{path}#{anchor}")
    assert dead == []


@pytest.mark.parametrize("page", [ROOT / "docs/how-a-run-goes.md", ROOT / "CONTRIBUTING.md"], ids=name)
def test_every_room_and_file_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(r"`((?:\w+/)*\w+\.py|\w+/)`", page.read_text(encoding="utf-8"))
    assert len(named) > 5
    assert [
        path for path in named if not any((there / path).exists() for there in (ROOT / "src/waystation", ROOT))
    ] == []


# --------------------------------------------------------------------------- pages that are made


def test_the_page_of_transitions_is_made_of_the_table() -> None:
    assert transitions_page.PAGE.read_text(encoding="utf-8") == transitions_page.page(), "run `make transitions-page`"


def test_the_page_of_transitions_tells_all_ends_apart() -> None:
    ends = {entry for (_, entry), after in TRANSITIONS.items() if after is None}
    assert ends == {StepSucceeded, StepBailed, StepFailed, StepCancelled}
    text = transitions_page.page()
    assert all(f": {entry.__name__}" in text for _, entry in TRANSITIONS)
