"""Which traces are recorded: the samplers of ``OTEL_TRACES_SAMPLER``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from agentos import TraceContext

Sampler = Callable[[TraceContext | None, str], bool]
"""Says whether the spans of a trace are recorded, by the span of the caller and the trace's id."""

PREFIX = "parentbased_"

logger = logging.getLogger(__name__)


def sampler_of(environ: Mapping[str, str]) -> Sampler:
    """Return what the variables name; the default is ``parentbased_always_on``, also for a name that there is not."""
    named = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower() or f"{PREFIX}always_on"
    below = _threshold(named.removeprefix(PREFIX), environ.get("OTEL_TRACES_SAMPLER_ARG", ""))
    if below is None:
        logger.error("OTEL_TRACES_SAMPLER is %.60r, which there is not; all traces are recorded", named)
        named, below = f"{PREFIX}always_on", 1 << 64
    by_parent = named.startswith(PREFIX)

    def is_sampled(parent: TraceContext | None, trace_id: str) -> bool:
        if by_parent and parent is not None:
            return parent.sampled
        return int(trace_id[16:], 16) < below  # the same in each service, as the specification has it

    return is_sampled


def _threshold(name: str, share: str) -> int | None:
    """Return how many of the 2 to the power of 64 possible halves of an id are recorded."""
    if name in ("always_on", "always_off"):
        return (1 << 64) if name == "always_on" else 0
    if name != "traceidratio":
        return None
    try:
        ratio = float(share) if share.strip() else 1.0
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        logger.error("OTEL_TRACES_SAMPLER_ARG is %.40r; accepted is a number from 0 to 1. It counts as 1", share)
        ratio = 1.0
    return round(ratio * (1 << 64))
