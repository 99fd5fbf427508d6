"""A guest process in the framework's own environment, which is kept between runs."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import agentos_langgraph
import pytest

from parts.guest_client import GuestProcess, Outcome
from parts.model_server import ModelServer

HERE = Path(__file__).parent
ADAPTER = ("langgraph", Path(agentos_langgraph.__file__).with_name("adapter"), "langchain_core")

MakeGuest = Callable[[], GuestProcess]
Run = Callable[..., Outcome]


@pytest.fixture(scope="session")
def python() -> Path:
    """The interpreter of the environment with LangGraph."""
    return Path(os.environ["AGENTOS_GUESTS_PYTHON"])


@pytest.fixture(scope="session")
def model_server() -> Iterator[ModelServer]:
    server = ModelServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def transfers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file in which the tool ``transfer`` writes."""
    return tmp_path_factory.mktemp("bank") / "transfers"


@pytest.fixture(scope="session")
def make_guest(python: Path, model_server: ModelServer, transfers: Path) -> MakeGuest:
    environment = {"FAKE_MODEL_URL": model_server.url, "TRANSFERS": str(transfers)}
    return lambda: GuestProcess(path=[HERE], adapters=[ADAPTER], python=python, environment=environment)


@pytest.fixture(scope="session")
def guest(make_guest: MakeGuest) -> Iterator[GuestProcess]:
    with make_guest() as process:
        yield process


@pytest.fixture(scope="session")
def other_guest(make_guest: MakeGuest) -> Iterator[GuestProcess]:
    """Another process, as after a restart: it knows of the first one what the worker kept, and nothing else."""
    with make_guest() as process:
        yield process


@pytest.fixture(scope="session")
def resume(other_guest: GuestProcess) -> Run:
    """Continues a paused run in the other process; ``answers`` are in the order of the actions."""

    def run(target: str, paused: Outcome, *answers: dict[str, Any], **more: Any) -> Outcome:
        assert paused.kind == "paused", paused.last
        actions = paused.last["actions"]
        given = [
            {"key": action["key"], "kind": action["kind"], **answer}
            for action, answer in zip(actions, answers, strict=True)
        ]
        saved = {name: paused.last[name] for name in ("adapter", "framework_version", "state")}
        return other_guest.run(target, saved=saved, answers=given, **more)

    return run
