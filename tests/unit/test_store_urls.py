"""The addresses of stores."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from waystation import open_store
from waystation.errors import ExtraMissing, StoreClosed, StoreUrlInvalid
from waystation.store.memory import MemoryStore
from waystation.store.postgres import PostgresSettings, PostgresStore
from waystation.store.sqlite import SQLiteStore


def test_an_address_names_a_kind_of_store_and_touches_nothing(tmp_path: Path) -> None:
    assert isinstance(open_store("memory://"), MemoryStore)
    assert isinstance(open_store(f"sqlite:///{tmp_path}/a.db"), SQLiteStore)
    for synchronous in ("full", "normal", "on-suspend"):
        open_store(f"sqlite:///{tmp_path}/a.db?synchronous={synchronous}")
    for options in ("shared=true", "shared=false", "synchronous=normal&shared=true"):
        open_store(f"sqlite:///{tmp_path}/a.db?{options}")
    for url in (
        "postgresql://me:secret@host:5433/runs",
        "postgres://host/runs?schema=runs&connections=7&sslmode=require",
    ):
        assert isinstance(open_store(url), PostgresStore)
    assert list(tmp_path.iterdir()) == []


def test_the_options_of_a_postgresql_address_are_the_stores_or_the_drivers() -> None:
    settings = PostgresSettings.of_url(
        "postgresql://me:secret@host/db?schema=runs&poll=0.5&sslmode=require&connections=7&busy_poll=0"
    )
    assert (settings.schema, settings.poll, settings.connections, settings.busy_poll) == ("runs", 0.5, 7, 0)
    assert settings.dsn == "postgresql://me:secret@host/db?sslmode=require"
    assert settings.shown() == "postgresql://host/db"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("connections=5", "needs 6 at least"),
        ("connections=many", "is no number"),
        ("poll=-1", "0 or more"),
        ("busy_poll=-0.001", "0 or more"),
        ("patience=nan", "0 or more"),
        ("schema=Public", "small letters"),
        ("schema=x;drop", "small letters"),
    ],
)
def test_what_a_postgresql_address_cannot_say_is_refused_without_its_password(options: str, words: str) -> None:
    with pytest.raises(StoreUrlInvalid) as caught:
        open_store(f"postgresql://me:secret@host/db?{options}")
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_address_that_is_none_is_told_without_its_password() -> None:
    with pytest.raises(StoreUrlInvalid) as caught:
        open_store("postgresql://me:secret@host:port/db")
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_without_its_driver_a_postgresql_store_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("waystation.store.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ExtraMissing, match=r"waystation\[postgres\]"):
        open_store("postgresql://host/db")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("runs.db", "not the address of a store"),
        ("", "not the address of a store"),
        ("mysql://localhost/x", "there is no store 'mysql'"),
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
