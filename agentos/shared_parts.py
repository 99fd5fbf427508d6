"""What the workers of a deployment may share besides the storage, made from the settings that name it by a URL."""

from __future__ import annotations

from typing import TypeVar

from agentos.auth.shared_limits import RateLimitStore, SharedLimits
from agentos.config import Config
from agentos.core import LOCAL
from agentos.errors import ConfigError
from agentos.execution.signals import GuardedSignals, Signals
from agentos.plugins.closing import OpenedThings
from agentos.plugins.manager import CORE
from agentos.registries import RateLimitStoreFactory, SignalsFactory
from agentos.registry import Entry, Registry
from agentos.storage.sqlalchemy.address import scheme_of

T = TypeVar("T")

BY_WORKER = "worker"
"""The value of ``AGENTOS_RATE_LIMIT_STORE`` that needs no store."""


def open_signals(known: Registry[SignalsFactory], config: Config, opened: OpenedThings) -> Signals:
    """Make the signals that the setting names."""
    entry = _entry(known, config.signals, LOCAL, "AGENTOS_SIGNALS")
    signals = entry.value(config.signals, config)
    if entry.source != CORE:
        try:
            signals = GuardedSignals(signals, entry.source)
        except TypeError as error:
            raise ConfigError(f"AGENTOS_SIGNALS cannot be used: {error}") from error
    opened.add(entry.source, f"signals:{entry.name}", signals)
    return signals


def open_shared_limits(
    known: Registry[RateLimitStoreFactory], config: Config, opened: OpenedThings
) -> SharedLimits | None:
    """Make the store that the setting names; ``None``: each worker counts for itself."""
    if config.rate_limit_store == BY_WORKER:
        return None
    entry = _entry(known, config.rate_limit_store, BY_WORKER, "AGENTOS_RATE_LIMIT_STORE")
    store = entry.value(config.rate_limit_store, config)
    if not isinstance(store, RateLimitStore):
        raise ConfigError(
            f"AGENTOS_RATE_LIMIT_STORE cannot be used: plugin {entry.source!r} made a {type(store).__name__}; accepted:"
            " an agentos.RateLimitStore"
        )
    opened.add(entry.source, f"rate limit store:{entry.name}", store)
    return SharedLimits(store, entry.source)


def _entry(known: Registry[T], value: str, built_in: str, variable: str) -> Entry[T]:
    """Return what serves a URL, or the value ``built_in``. Nothing of a URL but its scheme may be said."""
    scheme = value if value == built_in else scheme_of(value)
    entry = known.get(scheme or "")
    if entry is None:
        names = sorted({built_in, *known.names()})
        installed = ", ".join(name if name == built_in else f"{name}://" for name in names)
        given = f"begins with {scheme!r}, which no installed plugin serves" if scheme else "is no URL"
        raise ConfigError(f"{variable} {given}; installed are {installed}")
    return entry
