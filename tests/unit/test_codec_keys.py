"""Keys: how they are given, and that they are never shown."""

from __future__ import annotations

import base64
import copy
import os
import pickle
import traceback
from collections.abc import Callable

import pytest

from waystation import Codec, Encryption, PayloadPlace, Waystation
from waystation.errors import CodecInvalid, PayloadDamaged, PayloadUnreadable
from waystation.store.codec.keys import Key

HERE = PayloadPlace("entry", "r1", 7)


def test_a_new_key_is_32_random_bytes_as_base64() -> None:
    keys = {Encryption.new_key() for _ in range(100)}
    assert len(keys) == 100
    assert {len(base64.b64decode(key, validate=True)) for key in keys} == {32}


def test_a_key_may_be_bytes_or_their_base64() -> None:
    text = Encryption.new_key()
    kept = Encryption(keys={"k": text}, primary="k").encode(b"x", HERE)
    assert Encryption(keys={"k": base64.b64decode(text)}, primary="k").decode(kept, HERE) == b"x"
    assert Encryption(keys={"k": f" {text}\n"}, primary=None).decode(kept, HERE) == b"x"


def test_keys_come_from_the_environment_the_first_of_them_primary() -> None:
    old, new = Encryption.new_key(), Encryption.new_key()
    given = {"WAYSTATION_KEYS": f"2026-11:{new}, 2026-05:{old}\n", "OTHER": f"a:{old}"}
    both = Encryption.from_env(environ=given)
    assert (both.primary, both.key_ids) == ("2026-11", ("2026-11", "2026-05"))
    kept = Encryption(keys={"2026-05": old}, primary="2026-05").encode(b"x", HERE)
    assert both.decode(kept, HERE) == b"x"
    assert Encryption.from_env("OTHER", environ=given).key_ids == ("a",)


def test_the_environment_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYSTATION_KEYS", f"k:{Encryption.new_key()}")
    assert Encryption.from_env().primary == "k"
    monkeypatch.delenv("WAYSTATION_KEYS")
    with pytest.raises(CodecInvalid, match="WAYSTATION_KEYS is not set"):
        Encryption.from_env()


SECRET = Encryption.new_key()
SHORT = base64.b64encode(b"only 20 bytes of key").decode()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Encryption(keys={}, primary=None), "there is no key"),
        (lambda: Encryption(keys={"a": SECRET}, primary="b"), r"primary='b'.*\['a'\]"),
        (lambda: Encryption(keys={"a": SHORT}, primary="a"), "key 'a' is not one; a key is 32 bytes"),
        (lambda: Encryption(keys={"a": base64.b64decode(SHORT)}, primary="a"), "key 'a' is not one"),
        (lambda: Encryption(keys={"a": f"{SECRET}!"}, primary="a"), "key 'a' is not one"),
        (lambda: Encryption(keys={"a": "clé"}, primary="a"), "key 'a' is not one"),
        # Who takes the key for the id shall not find it in a log.
        (lambda: Encryption(keys={f"{SECRET} ": "a"}, primary=None), "a key's id is"),
        (lambda: Encryption(keys={"": SECRET}, primary=None), "a key's id is"),
        (lambda: Encryption(keys={"a" * 101: SECRET}, primary=None), "a key's id is"),
        (lambda: Encryption.from_env("K", environ={"K": SECRET}), "variable K: part 1 has no colon"),
        (lambda: Encryption.from_env("K", environ={"K": f"a:{SECRET},{SECRET}"}), "variable K: part 2 has no colon"),
        (lambda: Encryption.from_env("K", environ={"K": f"a:{SECRET},a:{SECRET}"}), "part 2 is the id of another"),
        (lambda: Encryption.from_env("K", environ={"K": f"a:{SHORT}"}), "key 'a' is not one"),
        (lambda: Encryption.from_env("K", environ={"K": "  "}), "K is not set"),
    ],
)
def test_keys_that_are_none_are_refused_and_not_shown(make: Callable[[], object], said: str) -> None:
    with pytest.raises(CodecInvalid, match=said) as caught:
        make()
    assert not is_shown(SECRET, "".join(traceback.format_exception(caught.value)))
    assert not is_shown(SHORT, "".join(traceback.format_exception(caught.value)))


def is_shown(key: str, text: str) -> bool:
    """Whether a key is in a text in any of its forms, or a good part of it is."""
    secret = base64.b64decode(key)
    forms = (key, secret.hex(), repr(secret)[2:-1], str(list(secret))[1:-1], base64.b32encode(secret).decode())
    return any(form[start : start + 12] in text for form in forms for start in (0, len(form) // 2, len(form) - 12))


def test_no_repr_shows_a_key() -> None:
    encryption = Encryption(keys={"a": SECRET, "b": base64.b64decode(SECRET)}, primary="b")
    codec = Codec(encrypt=encryption)
    app = Waystation(store="memory://", codec=codec)
    shown = [repr(each) for each in (encryption, codec, app, app.store, vars(encryption), vars(codec), vars(app))]
    assert not is_shown(SECRET, "\n".join(shown))
    assert "Encryption(keys=['a', 'b'], primary='b')" in shown[1]


def test_no_failed_read_shows_a_key() -> None:
    encryption = Encryption(keys={"a": SECRET}, primary="a")
    kept = encryption.encode(b"x", HERE)
    for damaged in (kept[:-1], b"", b"\x01\x05a", kept.replace(b"\x01\x01a", b"\x01\x01b")):
        with pytest.raises(PayloadUnreadable) as caught:
            encryption.decode(damaged, HERE)
        text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
        assert "nonce" in text, "the values of all variables are in it"
        assert not is_shown(SECRET, text)


@pytest.mark.parametrize("away", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_key_is_not_written_down(away: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="not written down"):
        away(Key("a", SECRET, "here"))


def test_each_run_has_a_key_of_its_own() -> None:
    key = Key("a", SECRET, "here")
    nonce = bytes(12)
    sealed = {key.cipher(purpose).encrypt(nonce, b"x", b"") for purpose in (b"run 1", b"run 2", b"run 1")}
    assert len(sealed) == 2
    assert Key("b", Encryption.new_key(), "here").cipher(b"run 1").encrypt(nonce, b"x", b"") not in sealed


def test_payloads_of_another_run_or_kind_are_encrypted_with_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", bytes)  # of one key and nonce, what is sealed of one text is the same
    encryption = Encryption(keys={"a": SECRET, "b": Encryption.new_key()}, primary="a")
    places = [HERE, PayloadPlace("entry", "r2", 7), PayloadPlace("frontier", "r1", 7), PayloadPlace("definition", "r1")]

    def sealed(place: PayloadPlace) -> bytes:
        return encryption.encode(b"one text", place)[15:-16]

    assert len({sealed(place) for place in places}) == 4
    assert sealed(PayloadPlace("entry", "r1", 8)) == sealed(HERE)


def test_the_id_of_the_key_is_bound_to_what_is_sealed() -> None:
    # One key by two names, as after one that was given anew: neither payload is taken for the other's.
    encryption = Encryption(keys={"a": SECRET, "b": SECRET}, primary="a")
    kept = encryption.encode(b"x", HERE)
    with pytest.raises(PayloadDamaged):
        encryption.decode(kept.replace(b"\x01\x01a", b"\x01\x01b", 1), HERE)


def test_the_nonces_of_payloads_differ() -> None:
    encryption = Encryption(keys={"a": SECRET}, primary="a")
    assert len({encryption.encode(b"", HERE)[3:15] for _ in range(1000)}) == 1000
