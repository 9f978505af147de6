"""What the page on deploying a fleet shows works: its configuration of Restate, its unit, its questions."""

from __future__ import annotations

import ast
import asyncio
import configparser
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.docs.page_runner import blocks_in, blocks_of
from tests.docs.pages import DOCS, ROOT, fences, text
from tests.docs.test_blocks import problem
from tests.fleet.life.places import until
from tests.restate_server import RestateCluster, RestateServer
from tests.restate_server.binaries import program
from waystation import Waystation, step, workflow
from waystation.dispatch.restate.address import RestateAddress

PAGE: Final = DOCS / "guide" / "fleet-deploy.md"
UNIT: Final = "waystation-worker@.service"
GRACE: Final = 20
"""The time of grace of the page's app, in seconds."""
_AFTER_GRACE: Final = 15
"""So long a worker may need after it, in seconds: to tell Restate, to hand over, for calls to end."""
PATIENCE: Final = 60.0

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]


def titled(title: str) -> str:
    """The block of the page with that title."""
    (found,) = [each.text for each in fences(PAGE) if f'title="{title}"' in each.info]
    return found


def ini(title: str) -> Mapping[str, Mapping[str, str]]:
    parser = configparser.RawConfigParser(strict=True, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # its own way to tell large letters from small
    parser.read_string(titled(title) if titled(title).startswith("[") else f"[env]\n{titled(title)}")
    return parser


def leaves(table: Mapping[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """What a configuration says, by where."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, (*before, name))
        else:
            yield (*before, name), value.rstrip("/") if isinstance(value, str) else value


def dumped(configuration: Path, **more: str) -> Mapping[tuple[str, ...], object]:
    """What Restate makes of a configuration; what it does not know is left out."""
    done = subprocess.run(
        [program(), "--no-logo", "--config-file", configuration, "--dump-config"],
        env={"PATH": os.defpath, **more},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return dict(leaves(tomllib.loads(done.stdout)))


def as_toml(table: Mapping[tuple[str, ...], object]) -> str:
    """A configuration written with dotted keys."""
    return "".join(f"{'.'.join(place)} = {json.dumps(value)}\n" for place, value in table.items())


_PLACES: Final = {"node-name", "base-dir", "auto-provision", "bind-ip", "advertised-address", "addresses"}
"""What is another for each node."""

_IDENTITY: Final = "request-identity-private-key-pem-file"


def adapt(server: RestateServer, *titles: str, identity: Path | None = None) -> None:
    """Give a server the page's configuration, but at its own place, and without the object store that is not here."""
    file = server.folder / "restate.toml"
    own = dict(leaves(tomllib.loads(file.read_text())))
    paged: dict[tuple[str, ...], object] = {}
    for title in titles:
        paged |= dict(leaves(tomllib.loads(titled(title))))
    kept = {place: value for place, value in paged.items() if place[-1] not in {*_PLACES, _IDENTITY}}
    kept = {place: value for place, value in kept.items() if "snapshots" not in place}
    placed = {place: value for place, value in own.items() if place not in kept}
    if identity is not None:
        kept["worker", "invoker", _IDENTITY] = str(identity)
        placed["log-filter",] = "warn,restate=info"
    file.write_text(as_toml({**kept, **placed}))


# --------------------------------------------------------------------------- Restate


@pytest.mark.parametrize("title", ["restate.toml", "restate-cluster.toml"])
def test_restate_knows_every_option_that_the_page_gives_it(title: str, tmp_path: Path) -> None:
    file = tmp_path / title
    file.write_text(titled(title))
    said = dict(leaves(tomllib.loads(titled(title))))
    made = dumped(file)
    addresses = ("metadata-client", "addresses")
    if addresses in said:
        made = {**made, addresses: [each.rstrip("/") for each in made[addresses]]}  # type: ignore[attr-defined]  # a list
    assert {place: made.get(place) for place in said} == said


def test_the_option_that_the_page_on_sizing_gives_is_known(tmp_path: Path) -> None:
    (block,) = blocks_in(text(DOCS / "guide" / "fleet-sizing.md"), "toml")
    file = tmp_path / "restate.toml"
    file.write_text(block)
    said = dict(leaves(tomllib.loads(block)))
    assert {place: dumped(file).get(place) for place in said} == said


@step
async def add(number: int) -> int:
    return number + 1


adding = workflow("adding", input=int, output=int).then(add).commit()


async def test_three_nodes_of_the_pages_configuration_are_one_cluster(postgres: str) -> None:
    cluster = RestateCluster()
    try:
        for node in cluster.nodes:
            adapt(node, "restate.toml", "restate-cluster.toml")
        with cluster:
            async with httpx.AsyncClient() as http:
                health = (await http.get(f"{cluster.nodes[2].admin}/cluster-health")).json()
            assert len(health["metadata_cluster_health"]["members"]) == 3
            # That runs go on there is tested where its nodes are killed.
            async with (
                Waystation(workflows=[adding], store=postgres, dispatch=cluster.nodes[0].dispatch()) as app,
                app.worker(port=0),
            ):
                known = partial(knows, cluster.nodes[1], "waystation.run.adding")
                await until(known, "a worker that registered at one node is known at another")
    finally:
        cluster.close()


async def knows(node: RestateServer, service: str) -> bool:
    """Whether what was registered at one node is known at another."""
    async with httpx.AsyncClient() as http:
        return service in (await http.get(f"{node.ingress}/restate/health")).json()["services"]


# --------------------------------------------------------------------------- a worker, by its unit


def start_line(variables: Mapping[str, str]) -> list[str]:
    """The words of the unit's command."""
    command = re.sub(r"\$\{(\w+)\}", lambda found: variables[found[1]], ini(UNIT)["Service"]["ExecStart"])
    return shlex.split(command)


def test_the_unit_starts_a_worker_by_options_that_there_are_and_waits_for_it_to_drain() -> None:
    program_path, *words = start_line(ini("/etc/shop/worker.env")["env"])
    assert Path(program_path).name == "waystation"
    assert problem(words) is None
    assert "--share-port" in words
    service = ini(UNIT)["Service"]
    assert int(service["TimeoutStopSec"]) >= GRACE + _AFTER_GRACE
    assert f"grace=timedelta(seconds={GRACE})" in text(PAGE)
    assert "KillSignal" not in service, "SIGTERM is what it listens to"


def test_the_units_environment_is_what_the_app_and_the_command_read() -> None:
    given = ini("/etc/shop/worker.env")["env"]
    block = blocks_of(text(PAGE))[0].text
    assert set(re.findall(r'os\.environ\["(\w+)"\]', block)) <= set(given)
    address = RestateAddress.parse(given["DISPATCH_URL"])
    assert (address.ingress, address.admin) == ("http://10.0.0.11:8080", "http://10.0.0.11:9070")


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    """The file of a private key."""
    file = tmp_path / "identity.pem"
    key = Ed25519PrivateKey.generate()
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file


@pytest.fixture
def signing(identity: Path) -> Generator[RestateServer]:
    """A Restate of the page's configuration for one node."""
    server = RestateServer()
    adapt(server, "restate.toml", identity=identity)
    with server:
        yield server


@contextmanager
def free_port() -> Generator[int]:
    """A port that workers can share, held by one who does not listen."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


async def test_the_units_command_serves_the_pages_app_to_the_pages_restate_and_drains(
    signing: RestateServer, postgres: str, tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    block = blocks_of(text(PAGE))[0].text
    (tmp_path / "shop" / "workflows.py").write_text(block)
    found = re.search(r"publickeyv1_\w+", signing.log.read_text())
    assert found, "Restate logs its public key as it starts"
    with free_port() as port:
        given = {
            **ini("/etc/shop/worker.env")["env"],
            "DATABASE_URL": postgres,
            "DISPATCH_URL": signing.dispatch(),
            "WORKER_HOST": "127.0.0.1",
            "WORKERS_URL": f"http://127.0.0.1:{port}",
            "RESTATE_KEY": found[0],
        }
        words = [str(port) if word == "9080" else word for word in start_line(given)[1:]]
        paths = {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(tmp_path)]), "PATH": os.environ["PATH"]}
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "waystation", *words),
            cwd=tmp_path,
            env={**given, **paths},
            stdout=subprocess.PIPE,
        )
        try:
            assert worker.stdout is not None
            said = await asyncio.wait_for(worker.stdout.readline(), PATIENCE)
            assert said.startswith(f"Worker at http://127.0.0.1:{port}, registered as dp_".encode()), said
            async with shop_of(block, given) as app:
                done = await app.get_workflow("shipping").start("A-1", run_id="A-1")
                assert done.status == "success"
                assert done.result == "A-1 is on its way"
            await questions_are_answered(signing)
            worker.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(worker.wait(), int(ini(UNIT)["Service"]["TimeoutStopSec"])) == 0
        finally:
            if worker.returncode is None:
                worker.kill()
                await worker.wait()


def shop_of(block: str, given: Mapping[str, str]) -> Waystation:
    """The page's app."""
    names: dict[str, Any] = {"__name__": "shop_workflows"}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        exec(block, names)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    app: Waystation = names["app"]
    return app


async def questions_are_answered(restate: RestateServer) -> None:
    """The page's questions are ones that this Restate takes."""
    async with httpx.AsyncClient(headers={"accept": "application/json"}) as http:
        asked = blocks_in(text(PAGE), "sql")
        assert len(asked) == 4
        rows: list[Any] = []
        for question in asked:
            answer = await http.post(f"{restate.admin}/query", json={"query": question})
            assert answer.is_success, answer.text
            rows.append(answer.json()["rows"])
    (deployment,) = rows[-1]
    assert deployment["endpoint"].startswith("http://127.0.0.1:")


def test_the_metrics_that_the_page_names_are_there() -> None:
    named = set(re.findall(r"`(waystation_\w+)", text(PAGE)))
    assert len(named) >= 4
    source = text(ROOT / "src" / "waystation" / "server" / "metrics.py")
    assert {each for each in named if f'"{each}"' not in source} == set()


# --------------------------------------------------------------------------- containers


def composed() -> dict[str, Any]:
    read: dict[str, Any] = import_module("yaml").safe_load(titled("compose.yaml"))
    return read


def test_the_compose_file_names_what_there_is() -> None:
    compose = composed()
    services = compose["services"]
    assert set(services) == {"postgres", "restate", "balancer", "worker", "api"}
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        assert set(service.get("secrets", ())) <= set(compose["secrets"])
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source.startswith("./") or source in compose["volumes"], volume
    waits = {name for name, service in services.items() if service.get("depends_on")}
    assert waits == {"worker", "api"}
    assert all("healthcheck" in services[name] for name in services if name != "balancer")
    assert {name: service["ports"] for name, service in services.items() if "ports" in service} == {
        "api": ["127.0.0.1:8484:8484"]
    }, "nothing else is reached from outside"


@pytest.mark.parametrize("name", ["worker", "api"])
def test_the_commands_of_the_compose_file_are_ones_that_there_are(name: str) -> None:
    service = composed()["services"][name]
    first, *words = service["command"]
    assert first == "waystation"
    assert problem(words) is None
    block = blocks_of(text(PAGE))[0].text
    assert set(re.findall(r'os\.environ\["(\w+)"\]', block)) <= set(service["environment"])
    ast.parse(service["healthcheck"]["test"][-1])
    address = RestateAddress.parse(service["environment"]["DISPATCH_URL"])
    assert (address.ingress, address.admin) == ("http://restate:8080", "http://restate:9070")


def test_a_container_of_a_worker_is_given_the_time_to_drain() -> None:
    worker = composed()["services"]["worker"]
    assert int(worker["stop_grace_period"].removesuffix("s")) >= GRACE + _AFTER_GRACE
    assert worker["deploy"]["replicas"] > 1


def test_restate_takes_its_place_in_containers_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "restate.toml"
    file.write_text(titled("restate.toml"))
    environment = composed()["services"]["restate"]["environment"]
    made = dumped(file, **environment)
    wanted = {name.removeprefix("RESTATE_").replace("_", "-").lower(): value for name, value in environment.items()}
    assert {name: made[(name,)] for name in wanted} == wanted
