"""What the HTTP API refuses before it comes to a run, and what keeps a server from being started."""

from __future__ import annotations

from typing import ClassVar

from waystation.errors.root import WaystationError


class ServerError(WaystationError):
    """The HTTP server cannot do what was asked."""

    code = "server_error"


class ListenRefused(ServerError):
    """The server would be open to everyone who can reach it: give it an authenticator, or listen on 127.0.0.1."""

    code = "listen_refused"


class ListenFailed(ServerError):
    """The server cannot listen at that address."""

    code = "listen_failed"


class OriginInvalid(ServerError):
    """What was given is not the origin of a site."""

    code = "origin_invalid"


class TokenFileInvalid(ServerError):
    """The file of tokens cannot be read, or is none."""

    code = "token_file_invalid"


class TokenInvalid(ServerError):
    """No token can be made so."""

    code = "token_invalid"


class UnknownToken(ServerError):
    """There is no token of that id in the file."""

    code = "unknown_token"


class IdentityInvalid(ServerError):
    """The settings of the identity provider are not ones that can be trusted."""

    code = "identity_invalid"


class RequestRefused(ServerError):
    """The HTTP request was refused; nothing was changed.

    Attributes:
        status: the HTTP status that tells it.
    """

    code = "request_refused"
    status: ClassVar[int] = 400


class BadRequest(RequestRefused):
    """The HTTP request cannot be read."""

    code = "bad_request"
    status = 400


class Unauthenticated(RequestRefused):
    """Nobody known asks: send a valid token as 'Authorization: Bearer ...'."""

    code = "unauthenticated"
    status = 401


class Forbidden(RequestRefused):
    """Whoever asks may not do that."""

    code = "forbidden"
    status = 403


class CrossSiteRefused(RequestRefused):
    """The request may come from a page of another site; nothing was done."""

    code = "cross_site_refused"
    status = 403


class NotFound(RequestRefused):
    """The API has nothing at that path."""

    code = "not_found"
    status = 404


class MethodNotAllowed(RequestRefused):
    """What is at that path does not take that method."""

    code = "method_not_allowed"
    status = 405


class BodyTooLarge(RequestRefused):
    """The body of the request is larger than the server takes."""

    code = "body_too_large"
    status = 413


class NotJson(RequestRefused):
    """The body of the request must be JSON, and say so: 'Content-Type: application/json'."""

    code = "not_json"
    status = 415


class WrongHost(RequestRefused):
    """The request names a host that this server is not known to be."""

    code = "wrong_host"
    status = 421


class InvalidRequest(RequestRefused):
    """The request does not have the form that the API takes."""

    code = "invalid_request"
    status = 422


class TooManyStreams(RequestRefused):
    """So many streams are open that the server opens no more; close some, or try again later."""

    code = "too_many_streams"
    status = 429


class TooManyWaiting(RequestRefused):
    """So many requests wait for runs that no more may; ask with wait_seconds=0, or try again later."""

    code = "too_many_waiting"
    status = 429


class IdentityUnavailable(RequestRefused):
    """The keys of the identity provider cannot be had now, so that nobody is known; try again later."""

    code = "identity_unavailable"
    status = 503
