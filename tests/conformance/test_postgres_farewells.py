"""A connection to which the server has said that it ends it, and which has not ended yet: a call goes another way."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg
import pytest

from tests.postgres_server.cutting import Cutting
from waystation.store.postgres import PostgresSettings, PostgresStore
from waystation.testing.store_suite.writes import CREATED, commit, new_run

pytestmark = pytest.mark.anyio

OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'waystation/%'"


class Lingering(Cutting):
    """Passes on the server's last words, but not that it has hung up."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.hung_up = asyncio.Event()
        self.over = asyncio.Event()

    async def _answers(
        self,
        reader: asyncio.StreamReader,
        client: asyncio.StreamWriter,
        link: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        cut: asyncio.Event,
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 20):
                client.write(data)
                await client.drain()
        self.hung_up.set()
        await self.over.wait()


async def test_a_call_on_a_connection_that_the_server_has_given_up_is_made_on_another(postgres: str) -> None:
    way = Lingering(postgres)
    listening = await asyncio.start_server(way.serve, "127.0.0.1", 0)
    way.listen_at(listening.sockets[0].getsockname()[1])
    store = PostgresStore(PostgresSettings(dsn=way.url, connections=6))
    await store.open()
    await store.create_run(new_run())
    await store.commit(commit(1, b"before"))
    administrator = await asyncpg.connect(postgres)
    assert len(await administrator.fetch(OTHERS)) >= 2
    await administrator.close()
    await way.hung_up.wait()
    for _ in range(10):
        await asyncio.sleep(0)  # the driver reads what has come, and asks nothing
    await store.commit(commit(2, b"after"))
    transaction = await store.transaction()
    await transaction.roll_back()
    assert list(await store.read("r1")) == [CREATED, b"before", b"after"]
    for link in list(way._links):
        link[0].transport.abort()
    await store.close()
    listening.close()
    way.over.set()
    way.cut_all()
    await way.gone()
