"""What the standard variables of OpenTelemetry ask for."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

Exporter = Literal["otlp", "console"]

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_PROTOCOL = "http/protobuf"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """What is on. A signal is sent where its endpoint or its exporter is named: ``None`` says that it is not."""

    traces: Exporter | None = None
    metrics: Exporter | None = None
    content: bool = False
    """Whether what users, models and tools say is in the spans."""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """Return what the variables ask for. What they name that there is not is logged, and off."""
        if _is(environ, "OTEL_SDK_DISABLED", "true"):
            return cls()
        return cls(
            traces=_exporter(environ, "TRACES"),
            metrics=_exporter(environ, "METRICS"),
            content=_is(environ, CONTENT, "true", "span_only", "span_and_event"),
        )


def _exporter(environ: Mapping[str, str], signal: str) -> Exporter | None:
    variable = f"OTEL_{signal}_EXPORTER"
    named = environ.get(variable, "").strip().lower()
    if named == "none":
        return None
    if not named:
        endpoints = (ENDPOINT, f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
        if not any(environ.get(name, "").strip() for name in endpoints):
            return None
        named = "otlp"
    if named == "console":
        return "console"
    if named != "otlp":
        logger.error("%s is %.40r; accepted are otlp, console and none. Nothing of it is sent", variable, named)
        return None
    protocol = environ.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if protocol and protocol.strip().lower() != _PROTOCOL:
        logger.warning(
            "the protocol of OTLP is %.40r, which is not spoken here; %s is sent instead", protocol, _PROTOCOL
        )
    return "otlp"


def _is(environ: Mapping[str, str], variable: str, *values: str) -> bool:
    return environ.get(variable, "").strip().lower() in values
