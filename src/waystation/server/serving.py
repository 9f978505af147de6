"""The server: uvicorn around an app, from a socket that is known to be free to a clean end."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn

from waystation.errors import ListenFailed, ListenRefused
from waystation.server.access import Authenticator
from waystation.server.application import application, make_site
from waystation.server.site import Limits, Site
from waystation.settings import DEFAULT_PORT

if TYPE_CHECKING:
    from waystation.runtime import Waystation

_GRACE_SECONDS = 10
"""So long requests under way may go on when the server is shut down. Streams, and who waits for a run, end at once."""

_BACKLOG = 2048


def serve(
    app: Waystation,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    *,
    auth: Authenticator | None = None,
    hosts: Sequence[str] = (),
    origins: Sequence[str] = (),
    studio: bool = True,
    limits: Limits | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve an app until SIGINT or SIGTERM, then end cleanly: no step is begun any more, runs are handed over.

    Arguments:
        app: not opened yet; it is opened and closed with the server.
        host, port: where to listen; port 0 takes any that is free.
        auth, hosts, origins, studio, limits: as for ``Waystation.asgi``; the server goes by the name ``host`` too.
        on_ready: told the server's address, once it answers there.

    Raises:
        ListenRefused: it would be open to everyone who can reach it.
        ListenFailed: it cannot listen there.
        StoreError: the app's store cannot be opened.
    """
    with suppress(KeyboardInterrupt):  # uvicorn has ended cleanly, and tells it on
        asyncio.run(
            serve_until_stopped(
                app,
                host,
                port,
                auth=auth,
                hosts=hosts,
                origins=origins,
                studio=studio,
                limits=limits,
                on_ready=on_ready,
            )
        )


async def serve_until_stopped(
    app: Waystation,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    *,
    auth: Authenticator | None = None,
    hosts: Sequence[str] = (),
    origins: Sequence[str] = (),
    studio: bool = True,
    limits: Limits | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """``serve`` for code that is async. An app that is open already is left open."""
    check_listen(host, auth)
    site = make_site(app, auth=auth, hosts=(*hosts, host), origins=origins, limits=limits)
    was_open = app.is_open
    with listening(host, port) as listener:
        await app.open()
        try:
            server = Server(site, studio=studio, closes=not was_open, on_ready=on_ready)
            await server.serve(sockets=[listener])
        finally:
            if not was_open:
                await app.close()


def check_listen(host: str, auth: Authenticator | None) -> None:
    """Refuse to listen where others can reach a server that lets everyone do everything. Raises ``ListenRefused``."""
    if auth is None and not is_loopback(host):
        raise ListenRefused(
            f"listening on {host!r} without an authenticator would let everyone who can reach it do everything: "
            "give it one (auth=, or --tokens FILE), or listen on 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 for any that is free.

    Raises:
        ListenFailed.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            why = "something else listens there; end that, or take another port (--port, port=); 0 is any that is free"
        else:
            why = str(error)
        raise ListenFailed(f"cannot listen on {host!r}, port {port}: {why}") from None


def address_of(listener: socket.socket, host: str = "") -> str:
    """The address of the server that listens there."""
    name, port = listener.getsockname()[:2]
    name = host or str(name)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


class Server(uvicorn.Server):
    """uvicorn around one site. It ends the streams, and those who wait, as the first thing when it is shut down.

    Arguments:
        studio: whether to serve the studio.
        closes: whether to close the app as the last thing. By the time that ``serve`` returns it is too late: uvicorn
            has passed on the signal that it was ended by.
        on_ready: told the server's address, once it answers there.
    """

    def __init__(
        self, site: Site, *, studio: bool, closes: bool = False, on_ready: Callable[[str], None] | None = None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                application(site, studio=studio),
                lifespan="on",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._site = site
        self._closes = closes
        self._on_ready = on_ready

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal, or until the task is cancelled; both let what is under way come to its end."""
        serving = asyncio.ensure_future(super().serve(sockets))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            self.should_exit = True
            await serving
            raise

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        if self.started and self._on_ready is not None and sockets:
            self._on_ready(address_of(sockets[0]))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, and let what is under way come to its end."""
        self._site.busy.closing.set()
        await super().shutdown(sockets)
        if self._closes:
            await self._site.app.close()
