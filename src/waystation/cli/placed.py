"""What the commands that work on runs share: at which place they work, and how they tell what came of it."""

from __future__ import annotations

import functools
import inspect
import os
import re
import shlex
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Concatenate, ParamSpec

import typer

from waystation.cli import printing
from waystation.cli.apps import load_app
from waystation.cli.exits import Exit, UsageError
from waystation.cli.failing import carry_out
from waystation.cli.options import AppOption, DispatchOption, JsonOption, StoreOption
from waystation.cli.places import AnyRun, Place
from waystation.results import RunActive, RunCancelled, RunFailed, RunPaused, RunSucceeded, RunSuspended
from waystation.shapes import AnyResult, result_data

if TYPE_CHECKING:
    from waystation.client import Client

P = ParamSpec("P")

URL_VARIABLE = "WAYSTATION_URL"
TOKEN_VARIABLE = "WAYSTATION_TOKEN"  # noqa: S105  (a name)

_PATIENCE = timedelta(seconds=2)
"""A person waits: whether there is a server is to be told soon."""

_PASSWORD = re.compile(r"(?<=://)([^:/?#]*:)[^/?#]*(?=@)|((?:[?&])(?:ssl)?password=)[^&#]*")
"""A password in a store's address."""

UrlOption = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help=f"A server, instead of an app here; else {URL_VARIABLE}."),
]
TokenOption = Annotated[
    str | None,
    typer.Option("--token", metavar="TOKEN", help=f"The server's token, or @FILE; better {TOKEN_VARIABLE}."),
]
ActorOption = Annotated[str, typer.Option("--actor", help="Who does it; recorded. On a server the token says it.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]
WorkflowArgument = Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow's id.")]


@dataclass(frozen=True, slots=True)
class At:
    """Where a command works, and for whom it prints.

    Attributes:
        place: where the runs are.
        json: whether a program reads what is printed.
        is_remote: whether a server drives the runs.
        options: the options that named the place on the command line, for the next command to be typed.
    """

    place: Place
    json: bool
    is_remote: bool
    options: str

    def note(self, text: str) -> None:
        """Something for people alone, beside what is printed."""
        if not self.json:
            printing.err.print(text, style="dim", markup=False)

    def tell(self, run: AnyRun, result: AnyResult) -> Exit:
        """Print how a run stands; gives the exit code that says it."""
        if self.json:
            printing.print_json(result_data(run.workflow, result))
        else:
            printing.print_result(run.workflow, result, self.options)
        match result:
            case RunSucceeded() | RunActive():
                return Exit.OK
            case RunFailed() | RunCancelled():
                return Exit.FAILED
            case RunSuspended() | RunPaused():
                return Exit.SUSPENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """The options that say where to work. What the command line names goes before what the environment names."""

    app: str | None
    store: str | None
    url: str | None
    token: str | None
    dispatch: str | None = None
    actor: str = ""

    @property
    def server(self) -> str | None:
        """The server's address; None to work with an app here."""
        if self.url is None and self._here:
            return None
        return self.url or os.environ.get(URL_VARIABLE) or None

    @property
    def _here(self) -> list[str]:
        """The options given that name something here."""
        named = (("--app", self.app), ("--store", self.store), ("--dispatch", self.dispatch))
        return [option for option, given in named if given is not None]

    @property
    def options(self) -> str:
        """The options that name the place as they are typed in a shell. What is secret is not told."""
        store = None if self.store is None else _PASSWORD.sub(r"\1\2PASSWORD", self.store)
        named = (("--app", self.app), ("--store", store), ("--dispatch", self.dispatch), ("--url", self.url))
        return "".join(f" {option} {shlex.quote(given)}" for option, given in named if given is not None)

    def place(self) -> Place:
        """The place.

        Raises:
            UsageError, StoreUrlInvalid, ServerUrlInvalid.
        """
        if self.url is not None and self._here:
            raise UsageError(f"--url names a server, and {self._here[0]} something here: give one of them")
        if (url := self.server) is None:
            if self.token is not None:
                raise UsageError(f"--token is for a server: name that with --url or {URL_VARIABLE}")
            from waystation.cli.here import Here  # where it is needed: a command is to begin at once

            return Here(load_app(self.app, self.store, self.dispatch), self.actor)
        if self.actor:
            raise UsageError("a server knows by the token who it is that asks: --actor is for an app here")
        return client_of(url, self.token)


def client_of(url: str, token: str | None) -> Client:
    """A client of that server.

    Raises:
        UsageError: the token is in a file that cannot be read.
        ServerUrlInvalid, ExtraMissing.
    """
    from waystation.client import Client  # with httpx, which few commands need

    if token is None:
        token = os.environ.get(TOKEN_VARIABLE) or None
    elif token.startswith("@"):
        try:
            token = Path(token[1:]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--token: {token[1:]!r} cannot be read: {error}") from None
    return Client(url, token=token, channel="cli", retry_for=_PATIENCE)


# --------------------------------------------------------------------------- commands


def looks(work: Callable[Concatenate[At, P], Awaitable[Exit]]) -> Callable[..., None]:
    """Make a command of what looks at runs: it takes the options that name the place, and ``--json``."""
    return _command(work, {**_WHERE, "json": JsonOption})


def changes(work: Callable[Concatenate[At, P], Awaitable[Exit]]) -> Callable[..., None]:
    """Make a command of what changes runs: it takes ``--actor`` too."""
    return _command(work, {"actor": ActorOption, **_WHERE, "json": JsonOption})


_WHERE: Mapping[str, object] = {
    "app": AppOption,
    "store": StoreOption,
    "dispatch": DispatchOption,
    "url": UrlOption,
    "token": TokenOption,
}

_DEFAULTS: Mapping[str, object] = {"actor": "", "json": False}


def _command(work: Callable[Concatenate[At, P], Awaitable[Exit]], shared: Mapping[str, object]) -> Callable[..., None]:
    @functools.wraps(work)
    def command(**given: object) -> None:
        of_place = {name: given.pop(name) for name in shared}
        json = bool(of_place.pop("json"))
        named = _Named(**of_place)  # type: ignore[arg-type]  # typer has made them of what the options say

        async def at_work(place: Place) -> Exit:
            try:
                at = At(place, json, named.server is not None, named.options)
                return await work(at, **given)  # type: ignore[arg-type,call-arg]  # so here
            finally:
                await place.close()

        goes_on = "the run goes on when an app recovers it" if named.server is None else "the server goes on with it"
        carry_out(lambda: at_work(named.place()), f"what was recorded is kept, and {goes_on}", json=json)

    # Typer reads the options off the signature.
    own = list(inspect.signature(work, eval_str=True).parameters.values())[1:]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_DEFAULTS.get(name), annotation=option)
        for name, option in shared.items()
    ]
    parameters = [*own, *added]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # functions may have one
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command
