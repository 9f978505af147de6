"""Where a worker listens, until it is told to take no more."""

from __future__ import annotations

import socket
from typing import Self

from waystation.errors import ExtraMissing, ListenFailed

try:
    from hypercorn.config import Config, Sockets
except ImportError as error:
    raise ExtraMissing("a worker needs hypercorn: install waystation[restate], which brings it") from error


class Listening(socket.socket):
    """A socket that listens.

    Attributes:
        accepts: whether it takes connections. One that is taken in the very moment in which a server is closed is
            closed by nobody, in asyncio; so it takes none from a moment before.
    """

    accepts = True

    @classmethod
    def at(cls, host: str, port: int, *, share_port: bool) -> Self:
        """Listen there; at port 0 on a free one.

        Raises:
            ListenFailed.
        """
        listening = cls(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if share_port:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listening.bind((host, port))
            listening.listen(512)
        except OSError as error:
            listening.close()
            raise ListenFailed(f"the worker cannot listen at {host}:{port}: {error}") from None
        listening.setblocking(False)  # noqa: FBT003  (the standard library's)
        return listening

    def accept(self) -> tuple[socket.socket, object]:
        """The next connection, if there is one and it is to be taken."""
        if not self.accepts:
            raise BlockingIOError
        return super().accept()

    def url(self, host: str) -> str:
        """Where it is reached by who knows its machine as ``host``."""
        name = f"[{host}]" if ":" in host else host
        return f"http://{name}:{self.getsockname()[1]}"


class ListeningConfig(Config):
    """What a server is told, with the socket that it has."""

    def __init__(self, listening: Listening) -> None:
        super().__init__()
        self._listening = listening

    def create_sockets(self) -> Sockets:
        """The one that was given."""
        return Sockets([], [self._listening], [])
