"""``waystation token``: made, listed without their secrets, revoked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.called import waystation


@pytest.fixture(autouse=True)
def _in_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_token_is_printed_once_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    made = waystation("token", "new", "ada", "--scope", "read", "--scope", "answer", "--expires", "30d")
    token = made.out.strip()
    assert (made.code, token.startswith("wst_"), "only time" in made.err) == (0, True, True)
    secret = token.split("_", 2)[2]
    assert secret not in (tmp_path / "tokens.json").read_text(encoding="utf-8")
    listed = waystation("token", "list", "--json")
    (kept,) = listed.json["tokens"]
    assert (kept["id"], kept["name"], kept["scopes"]) == (token.split("_")[1], "ada", ["read", "answer"])
    assert (kept["expired"], kept["expires_at"] is not None, "sha256" in kept) == (False, True, False)
    assert secret not in listed.out + waystation("token", "list").out


def test_a_token_that_is_revoked_is_not_listed_any_more() -> None:
    token = waystation("token", "new", "ada", "--scope", "admin", "--file", "who.json", "--json").json["token"]
    revoked = waystation("token", "revoke", token.split("_")[1], "--file", "who.json")
    assert (revoked.code, "of ada holds no longer" in revoked.out) == (0, True)
    assert waystation("token", "list", "--file", "who.json", "--json").json == {"tokens": []}
    assert waystation("token", "list", "--file", "who.json").out == "no tokens\n"


def test_what_is_wrong_is_told_and_changes_nothing(tmp_path: Path) -> None:
    assert waystation("token", "new", "ada", "--scope", "everything").code == 2
    assert waystation("token", "new", "ada", "--scope", "read", "--expires", "soon").code == 2
    assert waystation("token", "list").code == 2
    assert not (tmp_path / "tokens.json").exists()
    waystation("token", "new", "ada", "--scope", "read")
    unknown = waystation("token", "revoke", "nobody", "--json")
    assert (unknown.code, unknown.json["error"]["code"]) == (4, "unknown_token")
