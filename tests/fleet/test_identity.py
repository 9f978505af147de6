"""A worker that knows the key of its Restate is called by that alone."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.fleet.life.places import Place, place
from tests.fleet.life.shop import WORKFLOWS
from tests.restate_server import RestateServer
from waystation import Waystation
from waystation.errors import RegistrationRefused

pytestmark = pytest.mark.anyio

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def public(key: Ed25519PrivateKey) -> str:
    """The public key, as Restate writes it."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    number, text = int.from_bytes(raw), ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    return "publickeyv1_" + "1" * (len(raw) - len(raw.lstrip(b"\0"))) + text


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture
def there(tmp_path: Path, postgres: str, key: Ed25519PrivateKey) -> Generator[Place]:
    """A place on a Restate that signs its calls by that key."""
    file = tmp_path / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with RestateServer(identity_key=file) as restate, place(tmp_path, postgres, restate, "signed") as found:
        yield found


async def test_a_worker_with_an_identity_key_is_called_by_its_restate_and_refuses_who_does_not_sign(
    there: Place, key: Ed25519PrivateKey
) -> None:
    worker = await there.worker("one", "--identity-key", public(key)).ready()
    async with Waystation(workflows=WORKFLOWS, store=there.store, dispatch=there.dispatch) as app:
        run = await app.get_workflow("reviewing").start_async("doc")
        assert (await run.wait()).status == "suspended"
        before = await run.journal()

        async with httpx.AsyncClient() as http:
            url = f"{worker.said['url']}/invoke/signed.run.reviewing/drive"
            for forged in ({}, {"x-restate-signature-scheme": "v1", "x-restate-jwt-v1": "e30.e30.e30"}):
                answer = await http.post(url, content=b"{}", headers=forged)
                assert answer.status_code == 401
        assert await run.journal() == before
        assert (await run.resume(data="approved")).status == "success"


async def test_a_worker_with_another_key_than_that_of_its_restate_is_not_registered(there: Place) -> None:
    other = public(Ed25519PrivateKey.generate())
    async with Waystation(workflows=WORKFLOWS, store=there.store, dispatch=there.dispatch) as app:
        with pytest.raises(RegistrationRefused, match="401"):
            await app.worker(port=0, identity_keys=[other]).open()
