"""Servers on loopback, and clients that may reach them or may not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from typing import Any

import pytest

from agentos import OutboundClient, OutboundPolicy
from parts.site import CERTIFICATES, Site


@pytest.fixture
def serve() -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def one(*arguments: Any, **options: Any) -> Site:
        try:
            made.append(Site(*arguments, **options))
        except OSError as error:
            pytest.skip(f"only 127.0.0.1 is this machine's here: {error}")
        return made[-1]

    yield one
    for site in made:
        site.close()


@pytest.fixture
def site(serve: Callable[..., Site]) -> Site:
    return serve()


@pytest.fixture
def client() -> OutboundClient:
    """One that may reach the servers here, and nothing else of this machine."""
    return OutboundClient(policy=OutboundPolicy(ports=None, allow_networks=(ip_network("127.0.0.1/32"),)), timeout=5)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds


@pytest.fixture(name="within")
def within_fixture() -> Callable[[float], Any]:
    return within


@pytest.fixture(scope="session")
def authority() -> str:
    return str(CERTIFICATES / "ca.pem")
