"""Work of parametrised tests that is done before their turn, on the cores that pytest itself leaves idle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

AT_ONCE = 2


@contextmanager
def done_ahead(request: pytest.FixtureRequest, test: str, work: Callable[..., T]) -> Iterator[Callable[..., T]]:
    """Begin ``work(**parameters)`` for each selected test of a function, in their order, two at a time.

    Yields a function that waits for the result of one test, by its parameters, or raises what its work raised. The
    work must be a program of its own that this process only waits for, with files and ports of its own. Of a test that
    is run alone, only its own work is done.
    """
    module = request.node.nodeid
    chosen = [
        item.callspec.params
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test and item.nodeid.startswith(module)
    ]
    pool = ThreadPoolExecutor(AT_ONCE)
    begun: dict[frozenset[tuple[str, Any]], Future[T]] = {}
    for parameters in chosen:
        begun[frozenset(parameters.items())] = pool.submit(work, **parameters)
    try:
        yield lambda **parameters: begun[frozenset(parameters.items())].result()
    finally:
        pool.shutdown(cancel_futures=True)
