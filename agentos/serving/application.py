"""Run gunicorn from Python, with the settings of ``gunicorn.conf.py``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gunicorn.app.base import Application as GunicornApplication

from agentos.config import Config
from agentos.observability.startup import one_line_exit

_given: Config | None = None

log = logging.getLogger(__name__)


def serving_config() -> Config:
    """Return the configuration to serve with: what a program gave to :class:`Application`, else the environment's."""
    with one_line_exit():  # gunicorn would show what its settings file raises with a traceback.
        return _given or Config()


class Application(GunicornApplication):
    """Serve what ``load`` returns for the settings; it is called in each worker, after the fork.

    At a reload (SIGHUP), ``read_settings`` returns the new settings. Without it, new workers have those and the agents
    of the program as it was started: it ran once, in the master.
    """

    def __init__(
        self, config: Config, load: Callable[[Config], Any], read_settings: Callable[[], Config] | None = None
    ) -> None:
        global _given
        _given = self._config = config  # gunicorn executes the settings file anew, and passes nothing to it.
        self._load = load
        self._read_settings = read_settings
        super().__init__()

    def reload(self) -> None:
        """Read the settings anew where that is possible; gunicorn calls this in the master, before the new workers."""
        global _given
        if self._read_settings is None:
            log.warning(
                "the settings and agents of this program are those of its start; for new ones restart it, or serve it"
                " by gunicorn with AGENTOS_APP"
            )
        else:
            with one_line_exit():
                _given = self._config = self._read_settings()
        super().reload()

    def load_config(self) -> None:
        """Read the deployment's own settings file; the program's arguments are not gunicorn's."""
        self.load_config_from_file(str(Path(__file__).with_name("gunicorn_conf.py")))

    def load(self) -> Any:
        """Return the WSGI application."""
        return self._load(self._config)
