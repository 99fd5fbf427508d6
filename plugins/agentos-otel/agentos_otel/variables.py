"""Reads the standard variables of OpenTelemetry that say what is sent, where, and as what."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

from agentos_otel.switches import ENDPOINT

DEFAULT_ENDPOINT = "http://localhost:4318"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where one signal is sent, and how: ``seconds`` are the most that a request may take."""

    url: str
    headers: Mapping[str, str]
    seconds: float
    gzip: bool
    ca_bundle: str | None

    @classmethod
    def of(cls, environ: Mapping[str, str], signal: str) -> Self:
        """Return the target of ``traces`` or ``metrics``; a variable of the signal comes before that of all."""

        def find(name: str) -> str:
            own = environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}", "").strip()
            return own or environ.get(f"OTEL_EXPORTER_OTLP_{name}", "").strip()

        own = environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", "").strip()
        every = environ.get(ENDPOINT, "").strip() or DEFAULT_ENDPOINT
        if find("CLIENT_CERTIFICATE"):
            logger.warning("certificates of clients are not sent by OTLP here (OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE)")
        seconds = number({"": find("TIMEOUT")}, "", 10.0, least=0.1)
        return cls(
            url=own or f"{every.rstrip('/')}/v1/{signal}",
            headers=pairs(find("HEADERS")),
            # The SDK of Python reads seconds here; the specification has milliseconds.
            seconds=seconds / 1000 if seconds >= 1000 else seconds,
            gzip=find("COMPRESSION").lower() == "gzip",
            ca_bundle=find("CERTIFICATE") or None,
        )


def number(environ: Mapping[str, str], variable: str, default: float, *, least: float = 1.0) -> float:
    """Return the number of a variable; one that is none, or less than ``least``, counts as not set."""
    try:
        found = float(environ.get(variable, "").strip() or default)
    except ValueError:
        return default
    return found if least <= found < 1e9 else default


def pairs(text: str) -> dict[str, str]:
    """Return the names and values of ``name=value,name=value`` with percent-encoded values."""
    found = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if equals and name.strip():
            found[unquote(name.strip())] = unquote(value.strip())
    return found
