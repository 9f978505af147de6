"""Errors as ``application/problem+json`` (RFC 9457), with the stable codes that they have in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from waystation.errors import (
    AppClosed,
    BadRequest,
    DataError,
    DispatchError,
    InvalidId,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    RequestRefused,
    RunError,
    RunNotFound,
    StoreCorrupt,
    StoreError,
    UnknownEvent,
    UnknownSchedule,
    UnknownStep,
    UnknownWorkflow,
    WaystationError,
)
from waystation.shapes import error_data

MEDIA_TYPE = "application/problem+json"

_RETRY_AFTER = "1"


def status_of(error: WaystationError) -> int:
    """The HTTP status that tells of ``error``."""
    match error:
        case RequestRefused():
            return error.status
        case RunNotFound() | UnknownWorkflow() | UnknownStep() | UnknownSchedule() | UnknownEvent():
            return HTTPStatus.NOT_FOUND
        case RunError():
            return HTTPStatus.CONFLICT
        case DataError() if type(error) is DataError:
            return HTTPStatus.BAD_REQUEST  # of no workflow's data: the cursor of a list
        case DataError() | InvalidId():
            return HTTPStatus.UNPROCESSABLE_ENTITY
        case StoreError() | AppClosed() | DispatchError():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR


def problem_of(error: WaystationError) -> Response:
    """The response that tells of ``error``."""
    data = error_data(error)
    fields: dict[str, object] = {key: value for key, value in data.items() if key not in ("code", "message")}
    if isinstance(error, DataError):
        fields["problems"] = error.problems
    headers: dict[str, str] = {}
    status = status_of(error)
    if status == HTTPStatus.SERVICE_UNAVAILABLE and not isinstance(error, StoreCorrupt):
        headers["Retry-After"] = _RETRY_AFTER
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers["Retry-After"] = _RETRY_AFTER
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        headers["Connection"] = "close"  # the rest of the body is not waited for
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return problem(status, error.code, error.message, fields, headers)


def problem(
    status: int,
    code: str,
    detail: str,
    fields: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A response with a problem in it."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "code": code,
        **(fields or {}),
    }
    return Response(
        msgspec.json.encode(body),
        status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def problem_of_request(error: RequestValidationError) -> Response:
    """Of a request that does not have the form that the API takes. What was sent is not repeated: it may be secret."""
    problems = [(_place(each["loc"]), str(each["msg"])) for each in error.errors()]
    field, reason = problems[0] if problems else ("", "is not valid")
    detail = f"the request does not have the form that the API takes: {field or 'the body'}: {reason}"
    return problem(InvalidRequest.status, InvalidRequest.code, detail, {"field": field, "problems": problems})


def _place(loc: Sequence[object]) -> str:
    return ".".join(str(part) for part in loc if part != "body")


def problem_of_http(error: HTTPException) -> Response:
    """Of what the framework refuses by itself."""
    kind: type[RequestRefused] = {404: NotFound, 405: MethodNotAllowed}.get(error.status_code, BadRequest)
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return problem(error.status_code, kind.code, kind().message, None, headers)


def internal_problem() -> Response:
    """Of a fault of the server; what it was is in its log alone."""
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "the server met a fault; its log tells what it was"
    )
