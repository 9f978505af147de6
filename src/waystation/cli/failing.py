"""How a command ends: one that was done, and one that could not do what was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import NoReturn

import typer

from waystation import shapes
from waystation.cli import printing
from waystation.cli.exits import Exit, exit_for
from waystation.errors import RunNotFound, Unauthenticated, WaystationError


def carry_out(command: Callable[[], Coroutine[object, object, Exit]], interrupted: str, *, json: bool) -> NoReturn:
    """Do what a command does, and exit with the code that tells what came of it.

    Arguments:
        command: called before there is a loop: what an app's module does when it is imported is its own affair.
        interrupted: what is told to whom has interrupted it.
        json: whether an error is told to a program.
    """
    try:
        code = asyncio.run(command())
    except WaystationError as error:
        fail(error, json=json)
    except KeyboardInterrupt:
        printing.err.print(f"interrupted; {interrupted}")
        raise typer.Exit(130) from None
    raise typer.Exit(code)


def fail(error: WaystationError, *, json: bool) -> NoReturn:
    """Tell of the error, and exit with the code that tells of its kind."""
    if json:
        printing.print_json({"error": shapes.error_data(error)})
    else:
        printing.err.print("error:", style="bold red", end=" ")
        printing.err.print(error.message, markup=False)
        if isinstance(error, RunNotFound):
            printing.err.print("waystation runs lists those that are there", style="dim")
        elif isinstance(error, Unauthenticated):
            printing.err.print(
                "it is taken from the environment variable WAYSTATION_TOKEN, or --token @FILE", style="dim"
            )
    raise typer.Exit(exit_for(error))
