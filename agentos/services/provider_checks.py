"""Asks model providers whether they can be used: all at once, each in a thread of its own, in a bounded time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from agentos.errors import AgentOSError
from agentos.models.catalog import Catalog

KEPT = 60.0
"""Seconds for which an outcome is shown; only then the providers are asked again."""

TIMEOUT = 10.0
"""Seconds that a provider has, when the readiness of the server is asked."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCheck:
    """How one provider is. ``detail`` may have its own words; ``cause`` never has."""

    prefix: str
    ok: bool
    detail: str
    cause: str | None = None


def check_providers(catalog: Catalog, prefixes: Collection[str], timeout: float) -> list[ProviderCheck]:
    """Ask providers, and wait ``timeout`` seconds at most for all of them."""
    deadline = time.monotonic() + timeout
    found: dict[str, ProviderCheck] = {}

    def check(prefix: str) -> None:
        found[prefix] = _check(catalog, prefix)

    threads = {one: threading.Thread(target=check, args=(one,), daemon=True) for one in prefixes}
    for thread in threads.values():
        thread.start()
    for thread in threads.values():
        thread.join(max(0.0, deadline - time.monotonic()))
    late = f"its check did not end within {timeout:g} s"
    return [found.get(one) or ProviderCheck(prefix=one, ok=False, detail=late, cause="TIMEOUT") for one in threads]


def _check(catalog: Catalog, prefix: str) -> ProviderCheck:
    try:
        return ProviderCheck(prefix=prefix, ok=True, detail=catalog.provider(prefix).check())
    except AgentOSError as error:
        cause = str(error.details.get("cause", error.code))
        return ProviderCheck(prefix=prefix, ok=False, detail=error.message, cause=cause)
    except Exception as error:  # noqa: BLE001 - other people's code; it is reported
        detail = f"its check raised {type(error).__name__}: {error}"
        return ProviderCheck(prefix=prefix, ok=False, detail=detail, cause=type(error).__name__)


class CachedProviderChecks:
    """The outcome of the last checks. Reading it never waits: the providers are asked in a thread, once a minute.

    ``used`` returns the prefixes of the providers that agents use; it may ask the database.
    """

    def __init__(self, catalog: Catalog, used: Callable[[], Collection[str]]) -> None:
        self._catalog = catalog
        self._used = used
        self._lock = threading.Lock()
        self._asking = False
        self._asked_at = -KEPT
        self._known: Sequence[ProviderCheck] | None = None

    def known(self) -> Sequence[ProviderCheck] | None:
        """Return the outcome, which may be a minute old; ``None`` until the first providers were asked."""
        with self._lock:
            begin = not self._asking and time.monotonic() - self._asked_at >= KEPT
            self._asking = self._asking or begin
        if begin:
            threading.Thread(target=self._ask, name="provider-checks", daemon=True).start()
        return self._known

    def _ask(self) -> None:
        try:
            self._known = check_providers(self._catalog, sorted(self._used()), TIMEOUT)
        except AgentOSError:  # the database does not say which providers are used; another check says so
            pass
        except Exception:  # a thread of its own: nothing else would report it
            logger.exception("model providers could not be asked")
        finally:
            with self._lock:
                self._asking, self._asked_at = False, time.monotonic()
