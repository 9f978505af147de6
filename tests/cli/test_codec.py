"""The command on a store that is kept encoded: it has the codec of the app, and the keys of the environment."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Folder
from waystation import Encryption

KEY = Encryption.new_key()

KEYS = {"WAYSTATION_KEYS": f"2026-11:{KEY}"}

DOC = '{"document_id": "TOP-SECRET"}'


@pytest.fixture
def encoded(folder: Folder) -> Folder:
    """The folder, its app with a codec, and a run that waits for an answer."""
    folder.change("from waystation import", "from waystation import Blobs, Codec, Compression, Encryption,")
    folder.change(
        'store="sqlite:///runs.db")',
        'store="sqlite:///runs.db", codec=Codec(encrypt=Encryption.from_env(), compress=Compression(), '
        'blobs=Blobs("blobs", over=200), only_encrypted=True))',
    )
    started = folder.waystation("run", "approval", "--run-id", "r1", "--input", DOC, environment=KEYS)
    assert started.code == 3, started.err  # suspended
    return folder


def test_the_command_reads_answers_and_exports_with_the_apps_codec(encoded: Folder) -> None:
    assert "TOP-SECRET" in encoded.waystation("show", "r1", environment=KEYS).out
    answered = encoded.waystation("resume", "r1", "--data", '{"approved": true}', environment=KEYS)
    assert (answered.code, '{"status":"approved"}' in answered.out) == (0, True)
    exported = encoded.waystation("db", "export", "r1", environment=KEYS)
    assert (exported.code, "TOP-SECRET" in exported.out) == (0, True)
    kept = b"".join(file.read_bytes() for file in encoded.path.rglob("*") if file.is_file() and file.suffix != ".py")
    assert b"TOP-SECRET" not in kept
    elsewhere = ("--store", "sqlite:///elsewhere.db")
    assert encoded.waystation("db", "import", "-", *elsewhere, environment=KEYS, stdin=exported.out).code == 0
    assert b"TOP-SECRET" not in (encoded.path / "elsewhere.db").read_bytes(), "a store in its place has the codec too"


def test_with_another_key_the_command_names_the_one_that_it_lacks(encoded: Folder) -> None:
    other = Encryption.new_key()
    refused = encoded.waystation("show", "r1", environment={"WAYSTATION_KEYS": f"2027-01:{other}"})
    assert refused.code != 0
    assert "is encrypted with key '2026-11'" in refused.err.replace("\n", " ")
    assert "Traceback" not in refused.err
    assert not any(key in refused.out + refused.err for key in (KEY, other))
    counted = encoded.waystation("db", "status", "--json", environment={"WAYSTATION_KEYS": f"2027-01:{other}"})
    assert counted.json["runs"]["suspended"] == 1, "what is readable is told without a key"


@pytest.mark.parametrize("keys", ["", KEY, f"2026-11:{KEY[:-8]}"], ids=["none", "no id", "torn"])
def test_keys_that_are_none_are_told_of_and_not_shown(encoded: Folder, keys: str) -> None:
    refused = encoded.waystation("show", "r1", environment={"WAYSTATION_KEYS": keys})
    assert refused.code != 0
    assert "module 'shop' cannot be imported: CodecInvalid" in refused.err.replace("\n", " ")
    assert "Traceback" not in refused.err
    assert KEY[:20] not in refused.out + refused.err
