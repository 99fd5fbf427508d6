"""What the workers of a deployment may share besides the storage, made from the settings that name it by a URL."""

from __future__ import annotations

from agentos.auth.shared_limits import RateLimitStore, SharedLimits
from agentos.config import Config
from agentos.core import LOCAL
from agentos.errors import ConfigError
from agentos.execution.signals import GuardedSignals, Signals
from agentos.plugins.closing import OpenedThings
from agentos.plugins.manager import CORE
from agentos.registries import RateLimitStoreFactory, SignalsFactory
from agentos.registry import Registry
from agentos.storage.sqlalchemy.address import scheme_of

BY_WORKER = "worker"
"""The value of ``AGENTOS_RATE_LIMIT_STORE`` that needs no store."""


def open_signals(known: Registry[SignalsFactory], config: Config, opened: OpenedThings) -> Signals:
    """Make the signals that the setting names; nothing of a URL but its scheme may be said."""
    scheme = scheme_of(config.signals) or (config.signals if config.signals == LOCAL else None)
    entry = known.get(scheme or "")
    if entry is None:
        accepted = ", ".join(name if name == LOCAL else f"{name}://" for name in known.names())
        given = f"begins with {scheme!r}, which no installed plugin serves" if scheme else "is no URL"
        raise ConfigError(f"AGENTOS_SIGNALS {given}; installed are {accepted}")
    signals = entry.value(config.signals, config)
    if entry.source != CORE:
        try:
            signals = GuardedSignals(signals, entry.source)
        except TypeError as error:
            raise ConfigError(f"AGENTOS_SIGNALS cannot be used: {error}") from error
    opened.add(entry.source, f"signals:{scheme}", signals)
    return signals


def open_shared_limits(
    known: Registry[RateLimitStoreFactory], config: Config, opened: OpenedThings
) -> SharedLimits | None:
    """Make the store that the setting names; ``None``: each worker counts for itself."""
    if config.rate_limit_store == BY_WORKER:
        return None
    scheme = scheme_of(config.rate_limit_store)
    entry = known.get(scheme or "")
    if entry is None:
        accepted = ", ".join([BY_WORKER, *(f"{name}://" for name in known.names())])
        given = f"begins with {scheme!r}, which no installed plugin serves" if scheme else "is no URL"
        raise ConfigError(f"AGENTOS_RATE_LIMIT_STORE {given}; accepted are {accepted}")
    store = entry.value(config.rate_limit_store, config)
    if not isinstance(store, RateLimitStore):
        raise ConfigError(
            f"AGENTOS_RATE_LIMIT_STORE cannot be used: plugin {entry.source!r} made a {type(store).__name__}; accepted:"
            " an agentos.RateLimitStore"
        )
    opened.add(entry.source, f"rate limit store:{scheme}", store)
    return SharedLimits(store, entry.source)
