"""A guest process with agents of plain Python, spoken to without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from parts.guest_client import GuestProcess

HOSTED = Path(__file__).with_name("hosted")
ADAPTERS = (
    ("toy-framework", HOSTED / "adapters/toy", "toy_framework"),
    ("absent", HOSTED / "adapters/single.py", "a_framework_that_is_not_installed"),
)

Start = Callable[..., GuestProcess]


@pytest.fixture(scope="session")
def guest() -> Iterator[GuestProcess]:
    """One for tests that leave it as it is."""
    with GuestProcess(path=[HOSTED], adapters=ADAPTERS) as process:
        yield process


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts one for this test alone."""
    started: list[GuestProcess] = []

    def start(**options: Any) -> GuestProcess:
        process = GuestProcess(path=[HOSTED], **options)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.stop()
