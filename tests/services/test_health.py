"""What is asked before the server says that it is ready: disk, clock, and the model providers."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from agentos.app import create_app
from agentos.config import Config
from agentos.domain.agent import Agent
from agentos.domain.times import utc_now
from agentos.errors import ProviderUnavailable
from agentos.hookspecs import hookimpl
from agentos.models.scripted import ScriptedProvider
from agentos.storage.memory import MemoryStorage
from parts.waiting import until

Serve = Callable[..., FlaskClient]

FULL = Path("/proc")
"""A file system that has no free space, on Linux."""


class LateClock(MemoryStorage):
    """A database whose clock is wrong."""

    apart = timedelta(seconds=-90)

    def now(self) -> datetime:
        return utc_now() + self.apart


class FullDisk(MemoryStorage):
    """A database on a disk without free space."""

    directory = FULL


class GoneDisk(MemoryStorage):
    """A database in a directory that is gone."""

    directory = Path("/nowhere/at/all")


class Providers:
    """A provider that can be used, one that cannot, and one that no agent uses; storages with something wrong."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @hookimpl
    def register_model_providers(self, register: Any) -> None:
        def made(name: str, check: Callable[[], str]) -> Any:
            class Provider(ScriptedProvider):
                def check(self) -> str:
                    return check()

            return lambda config: Provider()

        def well() -> str:
            self.asked.append("well")
            return "https://well.example has 3 models"

        def down() -> str:
            self.asked.append("down")
            raise ProviderUnavailable("https://down.example does not answer: private words")

        def unused() -> str:
            self.asked.append("unused")
            return "ok"

        for name, check in (("well", well), ("down", down), ("unused", unused)):
            register(name, made(name, check))

    @hookimpl
    def register_storage_backends(self, register: Any) -> None:
        for name, storage in (("late", LateClock), ("full", FullDisk), ("gone", GoneDisk)):
            register(name, lambda url, config, storage=storage: storage())


@pytest.fixture
def providers() -> Providers:
    return Providers()


@pytest.fixture
def serve(tmp_path: Path, providers: Providers) -> Iterator[Serve]:
    made: list[Any] = []

    def make(**settings: Any) -> FlaskClient:
        given: dict[str, Any] = {"database_url": f"sqlite:///{tmp_path}/a.db", "model": "scripted:echo"}
        agents = {name: Agent(id=name, model=f"{name}:x") for name in ("well", "down")}
        config = Config(environ={}, plugins=(), **(given | settings))
        app = create_app(config, agents=agents, plugins={"providers": providers})
        made.append(app.extensions["agentos"])
        return app.test_client()

    yield make
    for services in made:
        services.close()


def checks(client: FlaskClient, status: int = 200) -> dict[str, Any]:
    answer = client.get("/ready")
    assert answer.status_code == status, answer.json
    assert answer.json["status"] == ("ready" if status == 200 else "not_ready")
    return {one.pop("name"): one for one in answer.json["checks"]}


def test_a_sound_server_says_what_it_looked_at(serve: Serve, tmp_path: Path) -> None:
    found = checks(serve())
    assert list(found) == ["storage", "migrations", "clock", "disk", "draining"]
    assert {one["status"] for one in found.values()} == {"ok"}
    assert "MiB are free where the database is" in found["disk"]["detail"]
    assert str(tmp_path) not in str(found)


@pytest.mark.skipif(not FULL.is_dir(), reason="there is no /proc, the disk of which has no free space")
def test_a_server_without_disk_space_is_not_ready_and_alive(serve: Serve) -> None:
    client = serve(database_url="full://")
    disk = checks(client, 503)["disk"]
    assert (disk["ok"], disk["status"]) == (False, "failed")
    assert disk["detail"] == "0 MiB are free where the database is, less than 64 MiB (AGENTOS_LEAST_FREE_DISK)"
    assert client.get("/health").status_code == 200


def test_a_disk_that_cannot_be_asked_makes_the_server_not_ready(serve: Serve) -> None:
    disk = checks(serve(database_url="gone://"), 503)["disk"]
    assert (disk["status"], disk["detail"]) == (
        "failed",
        "the disk of the database cannot be asked: No such file or directory",
    )


def test_a_database_that_is_no_file_has_no_disk_here(serve: Serve) -> None:
    assert "disk" not in checks(serve(database_url="memory://"))


def test_a_clock_that_differs_from_the_databases_is_a_warning(serve: Serve) -> None:
    clock = checks(serve(database_url="late://"))["clock"]
    assert (clock["ok"], clock["status"]) == (True, "warning")
    assert "90 s apart" in clock["detail"]


def test_providers_are_asked_only_where_it_is_set(serve: Serve, providers: Providers) -> None:
    assert not [name for name in checks(serve()) if name.startswith("provider")]
    assert providers.asked == []


def test_the_providers_of_agents_are_asked_once_a_minute(serve: Serve, providers: Providers) -> None:
    client = serve(ready_providers=True)
    first = checks(client)
    assert "providers" in first or "provider well" in first
    until(lambda: "provider well" in checks(client), 20)
    for _ in range(3):
        found = checks(client)
    assert found["provider well"] == {"ok": True, "status": "ok", "detail": "it can be used"}
    expected = {"ok": True, "status": "warning", "detail": "it cannot be used now: PROVIDER_UNAVAILABLE"}
    assert found["provider down"] == expected
    assert "provider unused" not in found
    assert sorted(providers.asked) == ["down", "well"]
    assert "example" not in str(found)
