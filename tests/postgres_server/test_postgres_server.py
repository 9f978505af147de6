"""The PostgreSQL that tests start: it keeps what was committed when it is killed, and ends with its starter."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.postgres_server import Databases, PostgresServer, ServerNotStarted
from tests.postgres_server.binaries import programs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server() -> Generator[PostgresServer]:
    with PostgresServer() as server:
        yield server


def test_a_killed_server_starts_again_where_it_was_with_all_that_was_committed(server: PostgresServer) -> None:
    with Databases(server.url) as databases:
        databases.execute(server.url, "CREATE TABLE kept (number int); INSERT INTO kept VALUES (7)")
        url, first = server.url, server.pid
        server.kill()
        assert not server.running
        server.start()
        assert server.url == url
        assert server.pid != first
        server.restart()
        assert databases.fetch(url, "SELECT number FROM kept") == [(7,)]


def test_every_commit_is_synced_to_the_disk(server: PostgresServer) -> None:
    with Databases(server.url) as databases:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert databases.fetch(server.url, f"SHOW {setting}") == [("on",)]


def test_a_lent_database_comes_back_empty_even_from_who_is_still_connected(databases: Databases) -> None:
    with databases.lent() as url:
        databases.execute(url, "CREATE SCHEMA other; CREATE TABLE other.a (x int); CREATE TABLE b (x serial)")
        holder = subprocess.Popen(
            [programs() / "psql", "-q", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write("BEGIN; LOCK TABLE b; SELECT 'locked';\n")
        holder.stdin.flush()
        assert any("locked" in line for line in holder.stdout)
    try:
        with databases.lent() as again:
            assert again == url
            tables = "SELECT count(*) FROM pg_class WHERE relnamespace::regnamespace::text IN ('public', 'other')"
            assert databases.fetch(again, tables) == [(0,)]
    finally:
        holder.kill()
        holder.communicate()


def test_the_server_and_its_folder_are_gone_when_its_starter_is_killed() -> None:
    starter = subprocess.Popen(
        [sys.executable, "-m", "tests.postgres_server"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    url = starter.stdout.readline().strip()
    with Databases(url) as databases:
        [(data,)] = databases.fetch(url, "SHOW data_directory")
        starter.kill()
        # Its standard error is that of the server's keeper too, so both are gone when that ends.
        starter.communicate(timeout=60)
        assert not Path(data).parent.exists()
        with pytest.raises(OSError, match="Connect call failed"):
            databases.fetch(url, "SELECT 1")


@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("--port=5432", 2)])
def test_whoever_asks_what_the_program_is_gets_no_server(argument: str, code: int) -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "tests.postgres_server", argument],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert asked.returncode == code
    assert "python -m tests.postgres_server [-h]" in asked.stdout + asked.stderr
    assert "postgresql://" not in asked.stdout


def test_a_server_that_cannot_start_says_what_its_log_says() -> None:
    with pytest.raises(ServerNotStarted, match="no_such_setting"), PostgresServer(no_such_setting="1"):
        pass
