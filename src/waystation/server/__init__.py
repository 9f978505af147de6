"""The HTTP API, and the server that serves it with the studio. Needs ``waystation[server]``."""

from waystation.server.access import SCOPES, Authenticator, Principal, Scope
from waystation.server.application import make_asgi, make_router
from waystation.server.serving import DEFAULT_PORT, check_listen, serve, serve_until_stopped
from waystation.server.site import Limits

__all__ = [
    "DEFAULT_PORT",
    "SCOPES",
    "Authenticator",
    "Limits",
    "Principal",
    "Scope",
    "check_listen",
    "make_asgi",
    "make_router",
    "serve",
    "serve_until_stopped",
]
