"""``waystation token``: who may use a server."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, cast

import typer

from waystation.cli import lines, printing
from waystation.cli.durations import duration
from waystation.cli.exits import Exit
from waystation.cli.failing import fail
from waystation.cli.options import JsonOption
from waystation.errors import ExtraMissing, WaystationError

if TYPE_CHECKING:
    from waystation.server import Scope, Token, TokenFile

tokens = typer.Typer(
    name="token", help="Who may use a server: a file of tokens.", no_args_is_help=True, add_completion=False
)

FileOption = Annotated[str, typer.Option("--file", metavar="FILE", help="The file of tokens.")]

_FILE = "tokens.json"


@tokens.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is; recorded as who answered.")],
    *,
    scope: Annotated[list[str], typer.Option("--scope", help="What they may: read, run, answer, admin; repeatable.")],
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="TIME", help="How long it holds: 30d, 12h; by default for ever.")
    ] = None,
    file: FileOption = _FILE,
    json: JsonOption = False,
) -> None:
    """Make a token for NAME and print it: it cannot be shown again, as only its hash is kept."""
    try:
        until = None if expires is None else datetime.now(timezone.utc) + duration("--expires", expires)
        # The file knows which scopes there are.
        token = _file(file).new(name, cast("list[Scope]", scope), expires_at=until)
    except WaystationError as error:
        fail(error, json=json)
    if json:
        printing.print_json({"token": token})
    else:
        printing.out.print(token, markup=False)
        printing.err.print(f"this is the only time it is shown; {file} keeps its hash", style="dim", markup=False)
    raise typer.Exit(Exit.OK)


@tokens.command(name="list")
def list_(*, file: FileOption = _FILE, json: JsonOption = False) -> None:
    """List the tokens: whose they are, what they may, until when."""
    try:
        found = _file(file).list()
    except WaystationError as error:
        fail(error, json=json)
    if json:
        printing.print_json({"tokens": [_data(each) for each in found]})
    else:
        lines.print_tokens([_data(each) for each in found])
    raise typer.Exit(Exit.OK)


@tokens.command()
def revoke(
    token: Annotated[str, typer.Argument(metavar="ID", help="The token's id: 'list' shows it.")],
    *,
    file: FileOption = _FILE,
    json: JsonOption = False,
) -> None:
    """Take a token out of the file: it holds no longer, also on servers that are up."""
    try:
        revoked = _file(file).revoke(token)
    except WaystationError as error:
        fail(error, json=json)
    if json:
        printing.print_json({"revoked": _data(revoked)})
    else:
        printing.out.print(f"the token {revoked.id} of {revoked.name} holds no longer", markup=False)
    raise typer.Exit(Exit.OK)


def _file(path: str) -> TokenFile:
    try:
        from waystation.server import TokenFile  # with all that a server needs, which other commands do without
    except ImportError as error:
        raise ExtraMissing(f"a server needs {error.name}: install waystation[server], which brings it") from error
    return TokenFile(path)


def _data(token: Token) -> dict[str, object]:
    """A token for a program, without its hash."""
    return {
        "id": token.id,
        "name": token.name,
        "scopes": list(token.scopes),
        "created_at": token.created_at.isoformat(),
        "expires_at": None if token.expires_at is None else token.expires_at.isoformat(timespec="seconds"),
        "expired": token.is_expired(datetime.now(timezone.utc)),
    }
