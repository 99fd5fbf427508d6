"""gunicorn's own lines, in the form of all others."""

from __future__ import annotations

from typing import Any

from gunicorn import glogging

from agentos.serving.flags import check_flags


class Logger(glogging.Logger):
    """Hand gunicorn's records to the root logger, which :func:`~agentos.observability.logs.configure_logging` set up.

    There is no access log: the application writes one line a request, and knows more about it.
    """

    def __init__(self, cfg: Any) -> None:
        # The first thing that gunicorn makes once all flags are read: with --preload it loads the application next.
        check_flags(cfg)
        super().__init__(cfg)

    def setup(self, cfg: Any) -> None:
        """Take the settings, but make no handlers."""
        self.cfg = cfg
        self.error_log.setLevel(cfg.loglevel.upper())
        self.error_log.propagate = True
        self._access_log_enabled = False
