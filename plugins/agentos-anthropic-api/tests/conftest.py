"""A server with the door, for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask

from parts.anthropic_door import CLOSED, SHOP, Door, MakeDoor


@pytest.fixture
def make_door(agentos_app: Callable[..., Flask]) -> Iterator[MakeDoor]:
    with ExitStack() as ends:

        def make(*agents: Any, **options: Any) -> Door:
            given = agents[0] if len(agents) == 1 and isinstance(agents[0], dict) else agents or (SHOP, CLOSED)
            return Door(agentos_app(given, **{"installed": ["anthropic-api"], **options}), ends)

        yield make


@pytest.fixture
def door(make_door: MakeDoor) -> Door:
    return make_door()
