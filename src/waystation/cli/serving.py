"""``serve`` and ``studio``: the app as a server, in this process."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from waystation.cli import printing
from waystation.cli.apps import load_app
from waystation.cli.exits import UsageError
from waystation.cli.failing import fail
from waystation.cli.options import AppOption, DispatchOption, JsonOption, StoreOption
from waystation.errors import ExtraMissing, WaystationError
from waystation.settings import DEFAULT_PORT

if TYPE_CHECKING:
    from waystation.server import Authenticator

LOOPBACK = "127.0.0.1"

HostOption = Annotated[
    str, typer.Option("--host", help="Where to listen; elsewhere than on this machine with --tokens.")
]
PortOption = Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes any that is free.")]
TokensOption = Annotated[
    str | None, typer.Option("--tokens", metavar="FILE", help="Who may: the file that 'token new' writes to.")
]
LogLevelOption = Annotated[str, typer.Option("--log-level", help="debug, info, warning or error.")]
OpenOption = Annotated[bool, typer.Option("--open", help="Open it in a browser.")]


def serve(
    *,
    host: HostOption = LOOPBACK,
    port: PortOption = DEFAULT_PORT,
    tokens: TokensOption = None,
    oidc_issuer: Annotated[
        str | None, typer.Option("--oidc-issuer", metavar="URL", help="Who may: whoever this identity provider knows.")
    ] = None,
    oidc_audience: Annotated[
        str | None, typer.Option("--oidc-audience", help="For whom its tokens must be made.")
    ] = None,
    oidc_jwks: Annotated[
        str | None, typer.Option("--oidc-jwks", metavar="URL", help="Where its public keys are.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option("--allow-host", metavar="NAME", help="A name the server goes by; repeatable.")
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option("--origin", metavar="URL", help="Another site whose pages may ask; repeatable.")
    ] = None,
    studio: Annotated[bool, typer.Option("--studio/--no-studio", help="Whether to serve the studio too.")] = True,
    log_level: LogLevelOption = "info",
    app: AppOption = None,
    store: StoreOption = None,
    dispatch: DispatchOption = None,
    json: JsonOption = False,
) -> None:
    """Serve the app: its API and its studio. It drives runs, and takes over those whose process died."""
    server = _Server(
        host=host,
        port=port,
        authenticator=lambda: _authenticator(tokens, oidc_issuer, oidc_audience, oidc_jwks),
        hosts=allow_host or (),
        origins=origin or (),
        studio=studio,
    )
    server.serve(app, store, dispatch, log_level=log_level, json=json)


def studio(
    *,
    port: PortOption = DEFAULT_PORT,
    browse: OpenOption = False,
    app: AppOption = None,
    store: StoreOption = None,
    dispatch: DispatchOption = None,
    json: JsonOption = False,
) -> None:
    """Serve the app for this machine alone, and say where its studio is."""
    _Server(host=LOOPBACK, port=port, browse=browse).serve(app, store, dispatch, log_level="warning", json=json)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    """How a server is to be.

    Attributes:
        host, port: where it listens.
        authenticator: makes what knows who asks; gives None to let everyone do everything.
        hosts, origins: the names it goes by, and the other sites whose pages may ask.
        studio: whether it serves the studio too.
        browse: whether a browser is to be opened.
    """

    host: str
    port: int
    authenticator: Callable[[], Authenticator | None] = lambda: None
    hosts: Sequence[str] = ()
    origins: Sequence[str] = ()
    studio: bool = True
    browse: bool = False

    def serve(self, app: str | None, store: str | None, dispatch: str | None, *, log_level: str, json: bool) -> None:
        """Serve an app until someone ends it."""
        try:
            log_to_stderr(log_level)
            loaded = load_app(app, store, dispatch, recover=None)
            _need_server()
            from waystation.server.serving import serve as serve_app

            serve_app(
                loaded,
                self.host,
                self.port,
                auth=self.authenticator(),
                hosts=self.hosts,
                origins=self.origins,
                studio=self.studio,
                on_ready=lambda address: self._tell(address, json=json),
            )
        except WaystationError as error:
            fail(error, json=json)

    def _tell(self, address: str, *, json: bool) -> None:
        if json:
            printing.print_json({"url": address})
            sys.stdout.flush()
        else:
            printing.out.print(f"{'Studio' if self.studio else 'Waystation is'} at {address}", markup=False)
            printing.err.print("Ctrl-C ends it; what was recorded is kept", style="dim")
        if self.browse:
            import webbrowser

            # Some browsers keep who opens them until they are closed.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _need_server() -> None:
    try:
        import_module("waystation.server")  # with all that a server needs, which other commands do without
    except ImportError as error:
        raise ExtraMissing(f"a server needs {error.name}: install waystation[server], which brings it") from error


def _authenticator(
    tokens: str | None, issuer: str | None, audience: str | None, jwks: str | None
) -> Authenticator | None:
    if tokens is not None and issuer is not None:
        raise UsageError("--tokens and --oidc-issuer each say who may: give one of them")
    if issuer is None and (audience is not None or jwks is not None):
        raise UsageError("--oidc-audience and --oidc-jwks belong to an --oidc-issuer")
    if tokens is not None:
        from waystation.server import TokenAuthenticator

        return TokenAuthenticator(Path(tokens))
    if issuer is None:
        return None
    if audience is None or jwks is None:
        raise UsageError("with --oidc-issuer give --oidc-audience (for whom its tokens are made) and --oidc-jwks")
    from waystation.server import OidcAuthenticator

    return OidcAuthenticator(issuer, audience=audience, jwks_url=jwks)


def log_to_stderr(level: str) -> None:
    """Have what is logged told on standard error.

    Raises:
        UsageError: there is no such level.
    """
    known = ("debug", "info", "warning", "error")
    if level not in known:
        raise UsageError(f"--log-level: there is no level {level!r}; there are {', '.join(known)}")
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    if level != "debug":  # it tells of every request that is made
        logging.getLogger("httpx").setLevel(logging.WARNING)
    # What steps log is shown beside their run; at the terminal it is as quiet as anything else.
    for handler in logging.getLogger().handlers:
        handler.setLevel(level.upper())
    logging.getLogger("waystation.step").setLevel(min(logging.INFO, logging.getLevelNamesMapping()[level.upper()]))
