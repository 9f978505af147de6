"""What can go wrong between a client and the server that it asks."""

from __future__ import annotations

from waystation.errors.root import WaystationError


class RemoteError(WaystationError):
    """The server could not be asked, or did not do what it was asked for.

    Attributes:
        status: the HTTP status it answered with; None if there was no answer.
    """

    code = "remote_error"

    def __init__(self, message: str | None = None, *, status: int | None = None) -> None:
        self.status = status
        super().__init__(message)


class ServerUrlInvalid(RemoteError):
    """The server's address is not one that can be asked."""

    code = "server_url_invalid"


class ServerUnreachable(RemoteError):
    """The server does not answer."""

    code = "server_unreachable"


class NotWaystation(RemoteError):
    """What answers at this address is no Waystation, or one of another version."""

    code = "not_waystation"
