"""The options that every command has."""

from __future__ import annotations

from typing import Annotated

import typer

AppOption = Annotated[
    str | None,
    typer.Option("--app", metavar="MODULE:VARIABLE", help="The app; else WAYSTATION_APP, else pyproject.toml."),
]
StoreOption = Annotated[str | None, typer.Option("--store", metavar="URL", help="Another store than the app's own.")]
DispatchOption = Annotated[
    str | None,
    typer.Option("--dispatch", metavar="URL", help="The Restate that places its runs; else WAYSTATION_DISPATCH."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
