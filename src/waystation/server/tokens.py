"""Tokens in a file: who holds one may ask. Only the hash of a secret is kept, so the file gives nobody access.

A token is ``wst_<id>_<secret>``: the id finds it in the file, and may be shown; the secret has 256 bits, so that a
plain hash of it is enough. The file is read anew when it has changed, so a token that is revoked stops working at once.
A file that cannot be read, or is gone, lets nobody in.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import msgspec
from starlette.requests import Request

from waystation.errors import TokenFileInvalid, TokenInvalid, UnknownToken
from waystation.server.access import SCOPES, Principal, Scope, bearer_of

if sys.platform != "win32":
    import fcntl

_log = logging.getLogger("waystation.server")

_PREFIX = "wst"
_FORMAT = "waystation-tokens"
_LONGEST_NAME = 200

_Hash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token, as it is kept.

    Attributes:
        id: its public part.
        name: whose it is; recorded with what they do.
        scopes: what they may.
        sha256: the hash of the secret, in hex.
        created_at: since when.
        expires_at: until when; None for as long as it is not revoked.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    sha256: _Hash
    created_at: _Instant
    expires_at: _Instant | None = None

    def is_expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now


class _Content(msgspec.Struct, kw_only=True):
    format: str = _FORMAT
    version: int = 1
    tokens: list[Token] = []


class TokenFile:
    """A file of tokens.

    Arguments:
        path: where it is; the first token makes it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def new(self, name: str, scopes: Sequence[Scope], *, expires_at: datetime | None = None) -> str:
        """Make a token, and give it: it is not to be had a second time.

        Arguments:
            name: whose it is; recorded as who answered, cancelled or sent.
            scopes: what they may.
            expires_at: until when, with a time zone; None for as long as it is not revoked.

        Raises:
            TokenInvalid: no token can be made so.
            TokenFileInvalid: the file is there, and is none.
        """
        _check(name, scopes, expires_at)
        secret = secrets.token_urlsafe(32)
        with self._changing() as content:
            token = Token(
                id=secrets.token_hex(6),
                name=name,
                scopes=tuple(dict.fromkeys(scopes)),
                sha256=_hash(secret),
                created_at=datetime.now(timezone.utc).replace(microsecond=0),
                expires_at=expires_at,
            )
            content.tokens.append(token)
        return f"{_PREFIX}_{token.id}_{secret}"

    def list(self) -> Sequence[Token]:
        """Every token, the oldest first. Raises ``TokenFileInvalid``."""
        return self._read().tokens

    def revoke(self, token_id: str) -> Token:
        """Take a token out of the file: it holds no longer; gives which it was.

        Raises:
            UnknownToken: there is none of that id.
            TokenFileInvalid.
        """
        with self._changing() as content:
            found = [token for token in content.tokens if token.id == token_id]
            if not found:
                known = ", ".join(token.id for token in content.tokens) or "none"
                raise UnknownToken(f"{self.path} has no token of the id {token_id!r}; it has: {known}")
            content.tokens.remove(found[0])
        return found[0]

    # ------------------------------------------------------------------ the file

    def _read(self) -> _Content:
        try:
            content = msgspec.json.decode(self.path.read_bytes(), type=_Content)
        except FileNotFoundError:
            raise TokenFileInvalid(
                f"there is no file of tokens at {str(self.path)!r}; make one: waystation token new NAME --scope read"
            ) from None
        except OSError as error:
            raise TokenFileInvalid(f"the file of tokens cannot be read: {error}") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise TokenFileInvalid(f"{str(self.path)!r} is not a file of tokens: {error}") from None
        if content.format != _FORMAT or content.version != 1:
            raise TokenFileInvalid(f"{str(self.path)!r} is not a file of tokens that this version of Waystation reads")
        return content

    @contextmanager
    def _changing(self) -> Generator[_Content]:
        """The content, to be changed; it is written as a whole, or not at all."""
        with self._locked():
            content = self._read() if self.path.exists() else _Content()
            yield content
            try:
                self._write(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
            except OSError as error:
                raise _cannot_write(error) from None

    def _write(self, data: bytes) -> None:
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with open(beside, "xb", opener=_for_the_owner) as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                beside.replace(self.path)
            finally:
                beside.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Generator[None]:
        """Nobody else changes the file meanwhile. The lock is on its folder, which stays when the file is replaced."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if sys.platform == "win32":  # there, whoever changes the file takes turns
                yield
                return
            folder = os.open(self.path.parent, os.O_RDONLY)
        except OSError as error:
            raise _cannot_write(error) from None
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def _cannot_write(error: OSError) -> TokenFileInvalid:
    return TokenFileInvalid(f"the file of tokens cannot be written: {error}")


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _check(name: str, scopes: Sequence[Scope], expires_at: datetime | None) -> None:
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise TokenInvalid(f"a token cannot have the name {name!r}: 1 to {_LONGEST_NAME} printable characters")
    if not scopes:
        raise TokenInvalid(f"a token needs at least one scope; there are: {', '.join(SCOPES)}")
    if unknown := set(scopes).difference(SCOPES):
        raise TokenInvalid(f"there is no scope {min(unknown)!r}; there are: {', '.join(SCOPES)}")
    if expires_at is not None and expires_at.tzinfo is None:
        raise TokenInvalid(f"expires_at={expires_at} has no time zone")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class TokenAuthenticator:
    """Knows the holders of the tokens in a file.

    Arguments:
        file: the file, or where it is.

    Raises:
        TokenFileInvalid: it is not there, or is none.
    """

    def __init__(self, file: TokenFile | str | os.PathLike[str]) -> None:
        self._file = file if isinstance(file, TokenFile) else TokenFile(file)
        self._seen: tuple[int, int, int] | None = None
        self._by_id = {token.id: token for token in self._file.list()}

    async def authenticate(self, request: Request) -> Principal | None:
        """Whose token it is; None if it is none, was revoked, or its time is over."""
        prefix, _, rest = (bearer_of(request) or "").partition("_")
        token_id, _, secret = rest.partition("_")
        if prefix != _PREFIX or not secret:
            return None
        self._look()
        token = self._by_id.get(token_id)
        if token is None or not hmac.compare_digest(token.sha256, _hash(secret)):
            return None
        if token.is_expired(datetime.now(timezone.utc)):
            return None
        return Principal(actor=token.name, scopes=frozenset(token.scopes), auth="token")

    def _look(self) -> None:
        """Read the file anew if it has changed."""
        try:
            found = self._file.path.stat()
            seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        except OSError:
            seen = None
        if seen is not None and seen == self._seen:
            return
        try:
            self._by_id = {token.id: token for token in self._file.list()}
        except TokenFileInvalid as error:
            if self._by_id:
                _log.error("nobody is let in: %s", error)
            self._by_id = {}
        self._seen = seen
