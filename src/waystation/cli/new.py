"""``new``: a small project that runs, to begin with."""

from __future__ import annotations

import re
import shlex
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from waystation.cli import printing
from waystation.cli.exits import Exit, UsageError
from waystation.cli.failing import fail
from waystation.cli.options import JsonOption
from waystation.errors import WaystationError

_FILES = {
    "pyproject.toml": "pyproject.toml.template",
    "README.md": "README.md.template",
    "approvals.py": "approvals.py.template",
    "tests/test_approvals.py": "test_approvals.py.template",
    ".gitignore": "gitignore.template",
}


def new(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="The folder to make; it may be there, and empty.")],
    *,
    json: JsonOption = False,
) -> None:
    """Make a small project in DIR: an approval workflow, its test, a README, and what the command needs to know."""
    try:
        made = _made(Path(directory))
    except WaystationError as error:
        fail(error, json=json)
    if json:
        printing.print_json({"created": [str(file) for file in made]})
    else:
        printing.out.print(f"{directory} is made; begin with:", markup=False)
        printing.out.print(f"  cd {shlex.quote(str(directory))} && waystation dev", markup=False)
    raise typer.Exit(Exit.OK)


def _made(folder: Path) -> list[Path]:
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"{str(folder)!r} is there already, and not empty: nothing is written over; name another")
        # As packages may be called: the folder may have any name.
        name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-") or "workflows"
        made: list[Path] = []
        for path, template in _FILES.items():
            text = files("waystation.cli").joinpath("project", template).read_text(encoding="utf-8")
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as opened:
                opened.write(Template(text).substitute(name=name))
            made.append(file)
    except OSError as error:
        raise UsageError(f"{str(folder)!r} cannot be made: {error.strerror or error}") from None
    return made
