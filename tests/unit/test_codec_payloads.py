"""What is done with payloads, and undone: whatever was switched on, off or changed in between."""

from __future__ import annotations

import itertools
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from waystation import Codec, Compression, Encryption, PayloadPlace
from waystation.core.encoding import decode_entry, encode_entry
from waystation.core.entries import RunCreated
from waystation.errors import (
    CodecInvalid,
    PayloadDamaged,
    PayloadKeyMissing,
    PayloadNotEncrypted,
    PayloadUnreadable,
    WaystationError,
)
from waystation.store.codec import compression
from waystation.store.codec import payloads as payloads_module
from waystation.store.codec.payloads import ENCRYPTED, MARK, OUTSIDE, PACKED, PLAIN

HERE = PayloadPlace("entry", "r1", 7)

KEYS = {"old": Encryption.new_key(), "new": Encryption.new_key()}

COMPRESSIONS = [None, Compression(over=0), Compression(over=100, level=19)]
ENCRYPTIONS = [
    None,
    Encryption(keys=KEYS, primary="old"),
    Encryption(keys=KEYS, primary="new"),
    Encryption(keys=KEYS, primary=None),
]
CODECS = [
    Codec(compress=compress, encrypt=encrypt) for compress, encrypt in itertools.product(COMPRESSIONS, ENCRYPTIONS)
]
READERS = [codec for codec in CODECS if codec.encrypt is not None]

marks = st.sampled_from([MARK, PLAIN, PACKED, ENCRYPTED, OUTSIDE, b"\xc1", b"\xc1V", b""])
payloads = st.builds(
    lambda mark, data, times: mark + data * times, marks, st.binary(max_size=300), st.integers(0, 20)
) | st.binary(max_size=5000)
places = st.builds(
    PayloadPlace, st.sampled_from(["entry", "frontier", "definition"]), st.text(max_size=200), st.integers(0, 2**62)
)


@given(data=payloads, place=places, writer=st.sampled_from(CODECS), reader=st.sampled_from(READERS))
def test_whatever_was_on_when_it_was_written_it_can_be_read_with_whatever_is_on_now(
    data: bytes, place: PayloadPlace, writer: Codec, reader: Codec
) -> None:
    assert reader.decode(writer.encode(data, place), place) == data


@given(data=payloads, codec=st.sampled_from(CODECS))
def test_what_is_kept_is_told_from_what_was_kept_before_there_was_a_codec(data: bytes, codec: Codec) -> None:
    # Nothing that the library keeps begins so: those bytes are what a codec has made.
    if not data.startswith(MARK):
        assert READERS[0].decode(data, HERE) == data
    kept = codec.encode(data, HERE)
    assert kept == data or kept.startswith(MARK)


def test_no_entry_can_be_taken_for_what_a_codec_has_made() -> None:
    entry = RunCreated(at=1, workflow_id="Á\xc1W", fingerprint="f")
    assert b"\xc1" not in encode_entry(entry)
    with pytest.raises(UnicodeDecodeError):
        MARK.decode("utf-8")
    with pytest.raises(Exception, match="JSON"):
        decode_entry(PLAIN + encode_entry(entry))


@given(place=places, other=places)
def test_no_two_places_have_the_same_bytes(place: PayloadPlace, other: PayloadPlace) -> None:
    assert (place == other) == (place.to_bytes() == other.to_bytes())


@given(data=st.binary(max_size=200), place=places, other=places, codec=st.sampled_from(ENCRYPTIONS[1:3]))
def test_what_is_encrypted_for_one_place_is_refused_in_any_other(
    data: bytes, place: PayloadPlace, other: PayloadPlace, codec: Encryption
) -> None:
    kept = codec.encode(data, place)
    if place == other:
        assert codec.decode(kept, other) == data
        return
    with pytest.raises(PayloadDamaged) as caught:
        codec.decode(kept, other)
    assert (caught.value.run_id, caught.value.place) == (other.run_id, other.words)


@given(data=st.binary(max_size=200), flip=st.integers(0, 10_000), codec=st.sampled_from(READERS[:1] + READERS[4:5]))
def test_a_flipped_bit_is_never_read_as_something_else(data: bytes, flip: int, codec: Codec) -> None:
    strict = Codec(compress=codec.compress, encrypt=Encryption(keys=KEYS, primary="old"), only_encrypted=True)
    kept = bytearray(strict.encode(data, HERE))
    bit = flip % (len(kept) * 8)
    kept[bit // 8] ^= 1 << bit % 8
    with pytest.raises(PayloadUnreadable):
        strict.decode(bytes(kept), HERE)


@given(data=st.binary(max_size=100), end=st.integers(0, 200))
def test_what_is_torn_is_refused(data: bytes, end: int) -> None:
    codec = Codec(compress=Compression(over=0), encrypt=ENCRYPTIONS[1], only_encrypted=True)
    kept = codec.encode(data, HERE)
    with pytest.raises(PayloadUnreadable):
        codec.decode(kept[: end % len(kept)], HERE)


def test_two_payloads_that_are_the_same_are_kept_as_different_bytes() -> None:
    codec = CODECS[1]
    assert codec.encode(b"the same", HERE) != codec.encode(b"the same", HERE)


def test_what_is_encrypted_is_compressed_before() -> None:
    secret = b"secret " * 1000
    both = Codec(compress=Compression(), encrypt=ENCRYPTIONS[1])
    kept = both.encode(secret, HERE)
    assert len(kept) < 200
    assert b"secret" not in kept
    assert b"secret" not in zlib.compress(kept)


def test_what_does_not_get_shorter_by_compression_is_kept_as_it_is() -> None:
    codec = Codec(compress=Compression(over=0))
    assert codec.encode(b"short", HERE) == b"short"
    assert codec.encode(b"long " * 100, HERE).startswith(PACKED)
    assert Codec(compress=Compression(over=500)).encode(b"long " * 100, HERE) == b"long " * 100


def test_a_codec_of_no_parts_keeps_everything_as_it_is() -> None:
    assert Codec().encode(b"{}", HERE) == b"{}"


# ------------------------------------------------------------------ what cannot be read


def test_a_key_that_is_missing_is_named_with_its_run_and_never_shown() -> None:
    kept = Codec(encrypt=ENCRYPTIONS[1]).encode(b"x", HERE)
    for reader in (Codec(), Codec(encrypt=Encryption(keys={"new": KEYS["new"]}, primary="new"))):
        with pytest.raises(PayloadKeyMissing, match=r"entry 7 of run 'r1' is encrypted with key 'old'") as caught:
            reader.decode(kept, HERE)
        assert (caught.value.key_id, caught.value.run_id) == ("old", "r1")
        assert not any(key in str(caught.value) for key in KEYS.values())


def test_another_key_of_the_same_id_reads_nothing() -> None:
    kept = Codec(encrypt=ENCRYPTIONS[1]).encode(b"x", HERE)
    other = Codec(encrypt=Encryption(keys={"old": Encryption.new_key()}, primary="old"))
    with pytest.raises(PayloadDamaged, match="now names another key"):
        other.decode(kept, HERE)


def test_where_only_what_is_encrypted_counts_a_plain_payload_is_refused() -> None:
    strict = Codec(encrypt=ENCRYPTIONS[1], compress=Compression(over=0), only_encrypted=True)
    packed = Codec(compress=Compression(over=0)).encode(b"plain " * 50, HERE)
    assert packed.startswith(PACKED)
    for kept in (b"{}", packed, PLAIN + b"{}", b""):
        with pytest.raises(PayloadNotEncrypted, match="entry 7 of run 'r1' is not encrypted"):
            strict.decode(kept, HERE)


@pytest.mark.parametrize("form", [MARK, MARK + b"Y", OUTSIDE + b"x", b"\xc1W\xff"])
def test_a_form_that_is_not_known_is_refused(form: bytes) -> None:
    with pytest.raises(PayloadDamaged, match="entry 7 of run 'r1' is not in a form"):
        Codec().decode(form, HERE)


def test_what_is_encrypted_twice_was_not_written_here() -> None:
    codec = Codec(encrypt=ENCRYPTIONS[1])
    encryption = ENCRYPTIONS[1]
    assert encryption is not None
    with pytest.raises(PayloadDamaged):
        codec.decode(ENCRYPTED + encryption.encode(codec.encode(b"x", HERE), HERE), HERE)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"no frame",
        zstandard.compress(b"x" * 1000)[:-1],
        # A few bytes that claim to be two gigabytes.
        b"\x28\xb5\x2f\xfd\xa0" + (2**31).to_bytes(4, "little") + b"\x01\x00\x00",
        # A frame that does not say how long it gets.
        zstandard.ZstdCompressor(write_content_size=False).compress(b"x" * 1000),
    ],
)
def test_a_frame_that_was_not_written_here_is_refused(frame: bytes) -> None:
    with pytest.raises(PayloadDamaged, match="entry 7 of run 'r1' cannot be unpacked"):
        Codec().decode(PACKED + frame, HERE)


def test_a_flipped_bit_in_a_frame_changes_nothing_that_is_given_also_where_nothing_is_encrypted() -> None:
    codec = Codec(compress=Compression(over=0))
    data = b"some text, and the same text again, and the same text once more"
    kept = codec.encode(data, HERE)
    assert kept.startswith(PACKED)
    for at in range(len(PACKED), len(kept)):
        for bit in range(8):
            changed = kept[:at] + bytes([kept[at] ^ 1 << bit]) + kept[at + 1 :]
            with suppress(PayloadDamaged):
                # A few bits of a frame's header say nothing; what is given is then what was written.
                assert codec.decode(changed, HERE) == data


def test_a_frame_that_would_fill_the_memory_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = Codec(compress=Compression(over=0))
    kept = codec.encode(b"x" * 1000, HERE)
    monkeypatch.setattr(compression, "MOST", 999)
    with pytest.raises(PayloadDamaged, match="cannot be unpacked"):
        codec.decode(kept, HERE)


def test_what_is_too_long_to_be_unpacked_again_is_not_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads_module, "MOST", 999)
    codec = Codec(compress=Compression(over=0))
    assert codec.encode(b"x" * 999, HERE).startswith(PACKED)
    assert codec.encode(b"x" * 1000, HERE) == b"x" * 1000


# ------------------------------------------------------------------ a codec of one's own


class Reversed:
    """Keeps everything backwards, and says where it belongs."""

    def encode(self, data: bytes, place: PayloadPlace) -> bytes:
        return place.to_bytes() + data[::-1]

    def decode(self, data: bytes, place: PayloadPlace) -> bytes:
        assert data.startswith(place.to_bytes())
        return data.removeprefix(place.to_bytes())[::-1]


def test_an_encryption_of_ones_own_can_take_the_place_of_ours() -> None:
    codec = Codec(encrypt=Reversed(), compress=Compression(over=0), only_encrypted=True)
    for data in (b"abc", b"abc" * 100):
        kept = codec.encode(data, HERE)
        assert kept.startswith(ENCRYPTED)
        assert codec.decode(kept, HERE) == data


# ------------------------------------------------------------------ settings that are wrong


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Compression(over=-1), "over=-1"),
        (lambda: Compression(level=0), "level=0"),
        (lambda: Compression(level=23), "level=23"),
        (lambda: Codec(only_encrypted=True), "only_encrypted"),
        (lambda: Codec(encrypt=ENCRYPTIONS[3], only_encrypted=True), "primary key"),
    ],
)
def test_settings_that_are_wrong_are_refused_at_once(make: object, said: str) -> None:
    assert callable(make)
    with pytest.raises(CodecInvalid, match=said):
        make()


@pytest.mark.parametrize(
    ("package", "use"),
    [
        ("cryptography", "Encryption(keys={'a': bytes(32)}, primary='a')"),
        ("zstandard", "Compression()"),
        ("zstandard", "Codec().decode(bytes.fromhex('c1575a') + b'x', PayloadPlace('entry', 'r', 1))"),
        ("fsspec", "Blobs('s3://bucket')"),
    ],
)
def test_a_package_that_is_not_installed_is_told_with_the_extra_that_brings_it(
    package: str, use: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    import waystation

    monkeypatch.setitem(sys.modules, package, None)
    for part in [name for name in sys.modules if name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, part)
    with pytest.raises(WaystationError, match=r"install waystation\[payloads\]") as caught:
        eval(use, dict(vars(waystation)))
    assert caught.value.code == "extra_missing"


def test_a_path_may_be_given_where_no_package_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from waystation import Blobs

    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert repr(Blobs(tmp_path)) == f"Blobs('{tmp_path}', over=262144)"
