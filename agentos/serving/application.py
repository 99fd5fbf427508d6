"""Run gunicorn from Python, with the settings of ``gunicorn.conf.py``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gunicorn.app.base import Application as GunicornApplication

from agentos.config import Config
from agentos.observability.startup import one_line_exit

_given: Config | None = None


def serving_config() -> Config:
    """Return the configuration to serve with: what a program gave to :class:`Application`, else the environment's."""
    with one_line_exit():  # gunicorn would show what its settings file raises with a traceback.
        return _given or Config()


class Application(GunicornApplication):
    """Serve what ``load`` returns; it is called in each worker, after the fork."""

    def __init__(self, config: Config, load: Callable[[], Any]) -> None:
        global _given
        _given = config  # gunicorn executes the settings file anew at each reload, and passes nothing to it.
        self._load = load
        super().__init__()

    def load_config(self) -> None:
        """Read the deployment's own settings file; the program's arguments are not gunicorn's."""
        self.load_config_from_file(str(Path(__file__).with_name("gunicorn_conf.py")))

    def load(self) -> Any:
        """Return the WSGI application."""
        return self._load()
