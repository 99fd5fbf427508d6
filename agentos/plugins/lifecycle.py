"""Calls ``server_start`` and ``server_stop`` of the plugins, each once in a worker."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial

from agentos.errors import AgentOSError
from agentos.plugins.closing import Closable, close_all
from agentos.plugins.hook_call import HookCall
from agentos.plugins.manager import PluginManager

START_SECONDS = 10.0
"""Seconds that one plugin has to start. The worker does not serve before."""

STOP_SECONDS = 1.0
"""Seconds that all plugins together have to stop."""

logger = logging.getLogger(__name__)


class Lifecycle:
    """The life of the plugins in one worker."""

    def __init__(self, manager: PluginManager) -> None:
        self._manager = manager
        self._lock = threading.Lock()
        self._started = self._stopped = False

    def start(self, server: object) -> None:
        """Call ``server_start`` of each plugin, one after the other, the core first and then by their names.

        One that raises, or does not return in time, is logged, and the others are started all the same.
        Raises :class:`~agentos.errors.PluginError` where plugins are strict, and for one that has a deciding hook.
        """
        with self._lock:
            if self._started or self._stopped:
                return
            self._started = True
        for call in self._manager.implementations("server_start"):
            self._start(call, server)

    def stop(self, server: object) -> None:
        """Call ``server_stop`` of each plugin, side by side, if the plugins were started. Never raises.

        A plugin that failed to start is asked to stop too: it may have begun a part of its work.
        """
        with self._lock:
            due = self._started and not self._stopped
            self._stopped = True
        if due:
            calls = self._manager.implementations("server_stop")
            stops = [Closable(one.plugin, "plugin", partial(one, server=server), hook=one.hook) for one in calls]
            close_all(stops, STOP_SECONDS)

    def _start(self, call: HookCall, server: object) -> None:
        try:
            call.within(time.monotonic() + START_SECONDS, server=server)
        except Exception as error:  # other people's code
            logger.exception("server_start failed", extra={"plugin": call.plugin, "hook": call.hook})
            reason = error.message if isinstance(error, AgentOSError) else f"{type(error).__name__}: {error}"
            self._manager.failed_to_start(call.plugin, reason, error)
