"""The addresses of stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from waystation import open_store
from waystation.errors import StoreClosed, StoreUrlInvalid
from waystation.store.memory import MemoryStore
from waystation.store.sqlite import SQLiteStore


def test_an_address_names_a_kind_of_store_and_touches_nothing(tmp_path: Path) -> None:
    assert isinstance(open_store("memory://"), MemoryStore)
    assert isinstance(open_store(f"sqlite:///{tmp_path}/a.db"), SQLiteStore)
    for synchronous in ("full", "normal", "on-suspend"):
        open_store(f"sqlite:///{tmp_path}/a.db?synchronous={synchronous}")
    for options in ("shared=true", "shared=false", "synchronous=normal&shared=true"):
        open_store(f"sqlite:///{tmp_path}/a.db?{options}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("runs.db", "not the address of a store"),
        ("", "not the address of a store"),
        ("postgres://localhost/x", "there is no store 'postgres'"),
        ("sqlite://runs.db", "three slashes"),
        ("sqlite:///", "names no file"),
        ("sqlite:///folder/", "names no file"),
        ("sqlite:///a%00b", "names no file"),
        ("sqlite:///:memory:", "memory://"),
        ("sqlite:///a.db?synchronous=off", "full, normal, on-suspend"),
        ("sqlite:///a.db?mode=ro", "no option 'mode'"),
        ("sqlite:///a.db?shared", "true or false"),
        ("sqlite:///a.db?shared=yes", "true or false"),
        ("memory://x", "takes no path"),
    ],
)
def test_what_is_no_address_is_refused_with_the_way_out(url: str, words: str) -> None:
    with pytest.raises(StoreUrlInvalid) as caught:
        open_store(url)
    assert words in str(caught.value)


@pytest.mark.anyio
async def test_percent_signs_stand_for_other_characters(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/a%3Fb%25.db")
    await store.open()
    await store.close()
    assert [file.name for file in tmp_path.iterdir()] == ["a?b%.db"]


@pytest.mark.anyio
@pytest.mark.parametrize("url", ["memory://", "sqlite:///{folder}/a.db"])
async def test_a_store_that_is_not_open_or_was_closed_says_so(url: str, tmp_path: Path) -> None:
    store = open_store(url.format(folder=tmp_path))
    with pytest.raises(StoreClosed):
        await store.get_run("x")
    await store.open()
    await store.open()
    assert await store.get_run("x") is None
    await store.close()
    await store.close()
    with pytest.raises(StoreClosed):
        await store.get_run("x")
    with pytest.raises(StoreClosed):
        await store.open()
