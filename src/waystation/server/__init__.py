"""The HTTP API, and the server that serves it with the studio. Needs ``waystation[server]``."""

from waystation.server.access import SCOPES, Authenticator, Principal, Scope
from waystation.server.application import make_asgi, make_router
from waystation.server.oidc import OidcAuthenticator
from waystation.server.serving import check_listen, serve, serve_until_stopped
from waystation.server.site import Limits
from waystation.server.tokens import Token, TokenAuthenticator, TokenFile
from waystation.settings import DEFAULT_PORT

__all__ = [
    "DEFAULT_PORT",
    "SCOPES",
    "Authenticator",
    "Limits",
    "OidcAuthenticator",
    "Principal",
    "Scope",
    "Token",
    "TokenAuthenticator",
    "TokenFile",
    "check_listen",
    "make_asgi",
    "make_router",
    "serve",
    "serve_until_stopped",
]
