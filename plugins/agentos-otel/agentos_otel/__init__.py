"""Sends traces and metrics of requests and runs by OTLP. Switched on by the ``OTEL_*`` variables of the environment.

Where they do not, nothing of OpenTelemetry is imported and no hook is called.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from agentos_otel.switches import Switches


class SwitchedOff:
    """What is registered where no variable asks for traces or metrics: a plugin without a hook."""


def make_plugin(environ: Mapping[str, str]) -> object:
    """Return the plugin that the variables ask for."""
    switches = Switches.of(environ)
    if not (switches.traces or switches.metrics):
        return SwitchedOff()
    from agentos_otel.plugin import ContentPlugin, OTelPlugin  # Late: see above.

    return (ContentPlugin if switches.content and switches.traces else OTelPlugin)(switches, environ)


plugin = make_plugin(os.environ)
