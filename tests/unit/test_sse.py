"""Server-sent events, taken apart: the same whatever pieces they come in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from waystation.client.sse import Message, MessageReader


def read(*pieces: bytes) -> list[Message]:
    reader = MessageReader()
    return [message for piece in pieces for message in reader.feed(piece)]


def test_a_message_has_its_event_its_data_and_its_id() -> None:
    assert read(b"event: step-succeeded\nid: 3.1\ndata: {}\n\n") == [Message("step-succeeded", "{}", "3.1")]


def test_without_an_event_it_is_a_message_and_an_id_stays_for_those_that_follow() -> None:
    assert read(b"id: 1\ndata: a\n\ndata: b\n\n") == [Message("message", "a", "1"), Message("message", "b", "1")]


def test_data_of_several_lines_is_one_text() -> None:
    assert read(b"data: a\ndata\ndata:b\n\n") == [Message("message", "a\n\nb", "")]


def test_comments_and_messages_without_data_are_passed_over() -> None:
    assert read(b": ping\n\nevent: x\n\ndata: a\n\n") == [Message("message", "a", "")]


def test_how_long_to_wait_before_one_comes_again_is_heard() -> None:
    reader = MessageReader()
    assert list(reader.feed(b"retry: 1500\n\nretry: soon\n\n")) == []
    assert reader.retry == 1500


def test_a_message_that_has_not_ended_is_none_yet() -> None:
    assert read(b"data: a\n") == []


def test_lines_end_in_any_of_three_ways_and_in_no_other() -> None:
    text = "data: a\u2028b\x85c\x0bd\x0ce\x1c\r\nid: 1\r\r\ndata: f\n\n".encode()
    assert read(text) == [Message("message", "a\u2028b\x85c\x0bd\x0ce\x1c", "1"), Message("message", "f", "1")]


lines = st.lists(
    st.one_of(
        st.just(""),
        st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=8).map("data: {}".format),
        st.sampled_from([":", "event: e", "id: 1.0", "data", "other: x", "déjà: vu"]),
    ),
    max_size=12,
)


@given(lines, st.lists(st.sampled_from(["\n", "\r", "\r\n"]), min_size=12, max_size=12), st.data())
def test_it_does_not_matter_where_a_stream_is_cut(lines: list[str], ends: list[str], data: st.DataObject) -> None:
    text = "".join(line + end for line, end in zip(lines, ends, strict=False)).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert read(*pieces) == read(text)
    assert read(*(bytes([byte]) for byte in text)) == read(text)
