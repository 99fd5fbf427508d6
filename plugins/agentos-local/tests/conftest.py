"""A real server for the tests that talk to the model, and short-lived ones for those about its life."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from agentos_local.directory import RuntimeDirectory
from agentos_local.provider import LocalProvider
from agentos_local.shared_server import SharedServer
from agentos_local.weights import Weights, find_weights

from agentos import ProviderError

GRACE = 0.5


@pytest.fixture(scope="session")
def weights() -> Weights:
    if find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed")
    try:
        return find_weights(None)
    except ProviderError as error:
        pytest.skip(error.message)


@pytest.fixture(scope="session")
def model(weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalProvider]:
    directory = RuntimeDirectory(tmp_path_factory.mktemp("shared") / "runtime")
    provider = LocalProvider(token_timeout=30, shared=SharedServer(weights, grace=GRACE, directory=directory))
    yield provider
    provider.close()


@pytest.fixture
def share(weights: Weights, tmp_path: Path) -> Iterator[Callable[[], SharedServer]]:
    """Make views of one server, each as another process would have it."""
    directory = RuntimeDirectory(tmp_path / "runtime")
    made: list[SharedServer] = []

    def one() -> SharedServer:
        made.append(SharedServer(weights, grace=GRACE, directory=directory))
        return made[-1]

    yield one
    for shared in made:
        shared.close()
    if made:
        made[0].stop()


@pytest.fixture
def provide() -> Iterator[Callable[[SharedServer], LocalProvider]]:
    made: list[LocalProvider] = []

    def one(shared: SharedServer) -> LocalProvider:
        made.append(LocalProvider(token_timeout=30, shared=shared))
        return made[-1]

    yield one
    for provider in made:
        provider.close()
