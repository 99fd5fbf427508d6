"""What goes wrong, tried with real processes: each test has all databases unless the fault is one database's own."""

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from parts.client import Client
from parts.model_server import ModelServer
from parts.pair import Pair
from parts.postgres import PostgresServer
from parts.server import AgentOSServer
from parts.shop import Shop
from parts.soak import SOAK

HERE = Path(__file__).parent

Serve = Callable[..., AgentOSServer]

ONE_DATABASE = {
    "test_chat_completions.py": "sqlite",
    "test_messages.py": "postgresql",
    "test_responses.py": "redis",
}
"""Tests of doors, which show the same runs: what differs between databases is looked at by those of the runs."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Outside of ``make soak``, leave out variants that say little: what the storage contract looks at as well.

    Of tests that start a shop, all but one variant on PostgreSQL and on Redis; of a door, all but one database.
    """
    if SOAK:
        return
    seen: set[tuple[str, Path, str]] = set()
    left_out = []
    for item in items:
        if not isinstance(item, pytest.Function) or item.path.parent != HERE:
            continue
        variant = getattr(item, "callspec", None)
        kind = None if variant is None else variant.params.get("database_kind")
        if kind is None:
            continue
        name = (kind, item.path, item.originalname)
        if kind != ONE_DATABASE.get(item.path.name, kind):
            left_out.append(item)
        elif kind != "sqlite" and "shop" in item.fixturenames:
            if name in seen:
                left_out.append(item)
            seen.add(name)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


@pytest.fixture(scope="session", params=["sqlite", "postgresql", "redis"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if database_kind == "sqlite":
        return f"sqlite:///{tmp_path}/agentos.db"
    return str(request.getfixturevalue(f"fresh_{database_kind}_url"))


@pytest.fixture(scope="session")
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def serve(database: str, model: ModelServer, tmp_path: Path) -> Iterator[Serve]:
    """Starts servers on the test's database; afterwards none is left, and none has met a bug."""
    with starter(database, model, tmp_path) as start:
        yield start


@pytest.fixture(scope="session")
def pair(
    database_kind: str, request: pytest.FixtureRequest, model: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """Two workers for all tests that leave them whole."""
    folder = tmp_path_factory.mktemp("pair")
    if database_kind == "sqlite":
        database = f"sqlite:///{folder}/agentos.db"
    elif database_kind == "redis":
        database = request.getfixturevalue("redis_server").empty(1)  # The other tests empty the first one.
    else:
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        database = postgres.create_database()
    with starter(database, model, folder) as start:
        yield Pair(*(Client(start(workers=1, AGENTOS_LEASE_SECONDS="5").url) for _ in range(2)))


def visible_within(lease: float) -> float:
    """Return in how many seconds a lost run has ended: its lease, a sweep, and what a busy machine may add."""
    return lease + lease / 3 + 5


def kill_a_worker(server: AgentOSServer) -> None:
    """End one of the workers at once, and wait until the master has replaced it."""
    before = server.worker_pids()
    victim = random.choice(before)
    os.kill(victim, signal.SIGKILL)
    server.wait_for(
        lambda: victim not in server.worker_pids() and len(server.worker_pids()) == len(before), what="whole again"
    )


@contextmanager
def starter(database: str, model: ModelServer, folder: Path) -> Iterator[Serve]:
    servers: list[AgentOSServer] = []

    def start(*, workers: int = 2, cwd: Path = folder, app: str = "wsgi:app", **settings: str) -> AgentOSServer:
        environment = {
            "AGENTOS_DATABASE_URL": database,
            "AGENTOS_MODEL": "scripted:echo",
            "OPENAI_BASE_URL": model.url,
            **settings,
        }
        server = AgentOSServer(environment, cwd=cwd, workers=workers, app=app)
        ends.callback(server.kill)
        servers.append(server)
        return server

    with ExitStack() as ends:
        yield start
    lines = [line for server in servers for line in server.log().splitlines()]
    assert [line for line in lines if '"level":"error"' in line and "Traceback" in line] == []


@pytest.fixture
def shop(database: str, serve: Serve, tmp_path: Path) -> Shop:
    """Servers with agents that pause, on an empty database."""
    return Shop.make(tmp_path, database, serve)


@pytest.fixture(scope="module")
def lasting_shop(
    database_kind: str, request: pytest.FixtureRequest, model: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """The same for all tests of a module, which share servers."""
    folder = tmp_path_factory.mktemp("shop")
    if database_kind == "sqlite":
        database = f"sqlite:///{folder}/agentos.db"
    elif database_kind == "redis":
        database = request.getfixturevalue("redis_server").empty(2)
    else:
        database = request.getfixturevalue("postgres_server").create_database()
    with starter(database, model, folder) as start:
        yield Shop.make(folder, database, start)


@pytest.fixture(scope="module")
def open_shop(lasting_shop: Shop) -> tuple[Shop, Pair]:
    """Two workers with agents that pause, for tests that leave them whole."""
    return lasting_shop, lasting_shop.pair(lease=5.0)
