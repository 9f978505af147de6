"""The ``waystation`` command: which commands there are, and under which heading each is listed."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from waystation.cli import defined, looking, printing, running
from waystation.cli.db import db
from waystation.cli.exits import Exit, UsageError
from waystation.cli.fleet import resubmit, worker
from waystation.cli.new import new
from waystation.cli.reloading import dev
from waystation.cli.schedules import schedules
from waystation.cli.serving import serve, studio
from waystation.cli.tokens import tokens
from waystation.shapes import error_data

cli = typer.Typer(
    name="waystation",
    help="Durable, typed workflows that pause for people.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@cli.callback(invoke_without_command=True)
def about(
    *,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """Durable, typed workflows that pause for people."""
    if show_version:
        typer.echo(version("waystation"))
        raise typer.Exit


_COMMANDS = {
    "Have runs go on": (
        *(running.run, running.create, running.start, running.resume, running.cancel, running.restart),
        *(running.proceed, running.fork, running.send, running.delete),
    ),
    "Look at runs": (
        *(looking.runs, looking.pending, looking.show, looking.watch, looking.events, looking.journal),
        looking.export,
    ),
    "Begin, and serve": (new, dev, studio, serve),
    "On a fleet": (worker, resubmit),
    "What there is": (defined.workflows, defined.graph, defined.agents, defined.tools, defined.check),
}

for heading, commands in _COMMANDS.items():
    for command in commands:
        cli.command(rich_help_panel=heading)(command)

cli.add_typer(schedules, rich_help_panel="What there is")
cli.add_typer(tokens, rich_help_panel="Around them")
cli.add_typer(db, rich_help_panel="Around them")


def main() -> None:
    """The entry point. A program that asks for JSON is told in JSON of what is wrong with the call itself too."""
    if "--json" not in sys.argv:
        cli()
    try:
        code: object = cli(standalone_mode=False)
    except Exception as error:
        tell = getattr(error, "format_message", None)  # typer's errors about the command line have it
        if tell is None:
            raise
        printing.print_json({"error": error_data(UsageError(str(tell())))})
        code = Exit.USAGE
    sys.exit(code if isinstance(code, int) else Exit.OK)
