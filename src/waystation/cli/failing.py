"""How a command ends that could not do what was asked."""

from __future__ import annotations

from typing import NoReturn

import typer

from waystation.cli import printing, shapes
from waystation.cli.exits import exit_for
from waystation.errors import RunNotFound, WaystationError


def fail(error: WaystationError, *, json: bool) -> NoReturn:
    """Tell of the error, and exit with the code that tells of its kind."""
    if json:
        printing.print_json({"error": shapes.error_data(error)})
    else:
        printing.err.print("error:", style="bold red", end=" ")
        printing.err.print(error.message, markup=False)
        if isinstance(error, RunNotFound):
            printing.err.print("waystation runs lists those that are there", style="dim")
    raise typer.Exit(exit_for(error))
