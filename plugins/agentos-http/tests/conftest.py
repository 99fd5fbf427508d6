"""A server on loopback that says what it was asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from parts.site import Site


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()
