"""The file of tokens: what is in it, who is let in by it, and when no longer."""

from __future__ import annotations

import json
import os
import stat
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from starlette.requests import Request

from waystation.errors import TokenFileInvalid, TokenInvalid, UnknownToken
from waystation.server import Principal, TokenAuthenticator, TokenFile

pytestmark = pytest.mark.anyio


async def asks(authenticator: TokenAuthenticator, token: str) -> Principal | None:
    headers = [(b"authorization", f"Bearer {token}".encode())]
    return await authenticator.authenticate(Request({"type": "http", "headers": headers}))


async def test_who_holds_a_token_is_known_by_its_name_and_scopes(file: TokenFile) -> None:
    token = file.new("ada", ["read", "answer", "read"])
    known = await asks(TokenAuthenticator(file.path), token)
    assert known == Principal(actor="ada", scopes=frozenset({"read", "answer"}), auth="token")


def test_the_file_gives_nobody_access_and_is_for_its_owner_alone(file: TokenFile) -> None:
    token = file.new("ada", ["read"])
    _, token_id, secret = token.split("_", 2)
    text = file.path.read_text(encoding="utf-8")
    assert secret not in text
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    kept = json.loads(text)["tokens"][-1]
    assert (kept["id"], kept["name"], kept["scopes"], kept["expires_at"]) == (token_id, "ada", ["read"], None)
    assert len(kept["sha256"]) == 64
    assert token_id in repr(file.list()[-1])


def test_no_two_tokens_are_alike(file: TokenFile) -> None:
    made = {file.new("ada", ["read"]) for _ in range(20)}
    assert len(made) == 20
    assert all(len(token.split("_", 2)[2]) >= 43 for token in made), "of 256 bits"


async def test_a_token_that_is_made_or_revoked_counts_at_once(file: TokenFile) -> None:
    authenticator = TokenAuthenticator(file)
    ada, bob = file.new("ada", ["read"]), file.new("bob", ["read"])
    assert await asks(authenticator, ada) is not None
    assert file.revoke(ada.split("_")[1]).name == "ada"
    assert await asks(authenticator, ada) is None
    assert await asks(authenticator, bob) is not None
    with pytest.raises(UnknownToken, match="no token of the id"):
        file.revoke(ada.split("_")[1])


async def test_a_token_holds_until_its_time_and_no_longer(file: TokenFile) -> None:
    now = datetime.now(timezone.utc)
    authenticator = TokenAuthenticator(file)
    assert await asks(authenticator, file.new("ada", ["read"], expires_at=now + timedelta(hours=1))) is not None
    assert await asks(authenticator, file.new("bob", ["read"], expires_at=now)) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"format": "other"}',
        b'{"format": "\xff"}',
        b'{"format": "waystation-tokens", "version": 2}',
    ],
)
async def test_a_file_that_cannot_be_read_lets_nobody_in(file: TokenFile, content: bytes) -> None:
    token = file.new("ada", ["read"])
    authenticator = TokenAuthenticator(file)
    assert await asks(authenticator, token) is not None
    good = file.path.read_bytes()
    file.path.write_bytes(content)
    assert await asks(authenticator, token) is None
    with pytest.raises(TokenFileInvalid):
        TokenAuthenticator(file)
    with pytest.raises(TokenFileInvalid):
        file.new("bob", ["read"])
    assert file.path.read_bytes() == content, "what is none is not overwritten"
    file.path.unlink()
    assert await asks(authenticator, token) is None
    file.path.write_bytes(good)
    assert await asks(authenticator, token) is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [("expires_at", "2030-01-01T00:00:00"), ("sha256", "é" * 64), ("sha256", "abc"), ("scopes", ["root"])],
)
async def test_a_file_in_which_someone_wrote_what_is_none_lets_nobody_in(
    file: TokenFile, field: str, value: object
) -> None:
    token = file.new("ada", ["read"])
    authenticator = TokenAuthenticator(file)
    content = json.loads(file.path.read_bytes())
    content["tokens"][-1][field] = value
    file.path.write_text(json.dumps(content), encoding="utf-8")
    assert await asks(authenticator, token) is None
    with pytest.raises(TokenFileInvalid, match="is not a file of tokens"):
        file.list()


def test_a_file_that_cannot_be_written_is_told_and_stays_as_it_is(
    file: TokenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file.path.read_bytes()
    left = file.path.with_name(f".{file.path.name}.{os.getpid()}")
    left.mkdir()
    with pytest.raises(TokenFileInvalid, match="cannot be written"):
        file.new("ada", ["read"])
    left.rmdir()
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(TokenFileInvalid, match="no space"):
        file.new("ada", ["read"])
    assert file.path.read_bytes() == before
    assert [path.name for path in file.path.parent.iterdir()] == ["tokens.json"], "nothing is left behind"


def broken(fd: int) -> None:
    """A disk that is full."""
    raise OSError("no space is left")


def test_a_file_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TokenFileInvalid, match="waystation token new"):
        TokenAuthenticator(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("name", "scopes"), [("", ["read"]), ("a\nb", ["read"]), ("x" * 201, ["read"]), ("ada", []), ("ada", ["root"])]
)
def test_what_can_be_no_token_is_not_made(file: TokenFile, name: str, scopes: list[str]) -> None:
    before = file.path.read_bytes()
    with pytest.raises(TokenInvalid):
        file.new(name, scopes)  # type: ignore[arg-type]  # that is what is refused
    with pytest.raises(TokenInvalid, match="no time zone"):
        file.new("ada", ["read"], expires_at=datetime(2030, 1, 1))  # noqa: DTZ001  (that is what is refused)
    assert file.path.read_bytes() == before


def test_of_tokens_that_are_made_at_once_none_is_lost(file: TokenFile) -> None:
    def make(number: int) -> None:
        for each in range(5):
            TokenFile(file.path).new(f"n{number}-{each}", ["read"])

    makers = [threading.Thread(target=make, args=(number,)) for number in range(6)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    names = [token.name for token in file.list()]
    assert sorted(names) == sorted(["nobody", *(f"n{number}-{each}" for number in range(6) for each in range(5))])
    assert [path.name for path in file.path.parent.iterdir()] == ["tokens.json"], "nothing is left behind"
