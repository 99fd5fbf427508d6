"""All use cases of one server, and its beginning and end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from agentos.config import Config
from agentos.execution.cancels import CancelWatch
from agentos.execution.jobs import Jobs
from agentos.execution.leases import LeaseKeeper
from agentos.execution.signals import Signals
from agentos.execution.submission import Submission
from agentos.execution.sweeper import Sweeper
from agentos.execution.worker import Worker
from agentos.models.catalog import Catalog
from agentos.plugins.closing import OpenedThings, close_all
from agentos.plugins.lifecycle import Lifecycle
from agentos.plugins.manager import PluginManager
from agentos.plugins.traces import BeginTrace
from agentos.registry import Registry
from agentos.services.activity import ActivityService
from agentos.services.agent_versions import AgentVersionService
from agentos.services.agents import AgentService
from agentos.services.approval_rules import ApprovalRuleService
from agentos.services.auth import AuthService
from agentos.services.direct_calls import DirectCallService
from agentos.services.guests import GuestService
from agentos.services.health import HealthService
from agentos.services.housekeeping import HousekeepingService
from agentos.services.keys import KeyService
from agentos.services.owner_data import OwnerDataService
from agentos.services.records import RecordService
from agentos.services.runs import RunService
from agentos.services.server import Server
from agentos.services.sessions import SessionService
from agentos.services.summaries import SummaryService
from agentos.storage.interface import Storage
from agentos.tools.tool import Tool


@dataclass(frozen=True, kw_only=True)
class Services:
    """What :func:`agentos.bootstrap.build` makes: one object a worker, made after its fork."""

    config: Config
    plugins: PluginManager
    lifecycle: Lifecycle
    opened: OpenedThings
    storage: Storage
    tools: Registry[Tool]
    catalog: Catalog
    agents: AgentService
    guests: GuestService
    agent_versions: AgentVersionService
    approval_rules: ApprovalRuleService
    sessions: SessionService
    summaries: SummaryService
    runs: RunService
    direct_calls: DirectCallService
    owner_data: OwnerDataService
    auth: AuthService
    keys: KeyService
    health: HealthService
    activity: ActivityService
    housekeeping: HousekeepingService
    records: RecordService
    jobs: Jobs
    signals: Signals
    worker: Worker
    submission: Submission
    leases: LeaseKeeper
    sweeper: Sweeper
    cancels: CancelWatch
    begin_trace: BeginTrace | None = None

    @cached_property
    def server(self) -> Server:
        """What plugins are given of this server."""
        return Server(
            config=self.config,
            agents=self.agents,
            sessions=self.sessions,
            runs=self.runs,
            records=self.records,
            signals=self.signals,
            activity=self.activity,
        )

    def start(self) -> None:
        """Start the plugins, then begin to look after runs and to keep house. A server calls it when it begins.

        Raises :class:`~agentos.errors.PluginError` for a plugin without which it must not serve.
        """
        self.lifecycle.start(self.server)  # first: runs that are taken over from lost workers may need them
        self.watch_runs()
        self.submission.start(self.worker.execute)
        self.jobs.start(self.server)
        self.housekeeping.start()

    def watch_runs(self) -> None:
        """Renew leases, sweep, listen for cancellations. The first run does it at the latest."""
        self.leases.start()
        self.sweeper.start()
        self.cancels.start()

    def drain(self, timeout: float) -> None:
        """Refuse new runs, wait ``timeout`` seconds for those under way, then end them as lost. Blocks.

        Runs that wait for a worker, or are paused, stay for other workers.
        """
        self.jobs.drain()
        self.worker.drain(timeout)

    def close(self) -> None:
        """Stop the plugins; close threads, connections and what plugins opened. Can be called again.

        Plugins have a bounded time for it, and what one of them raises is logged.
        """
        self.jobs.close()  # before the plugins stop: a handler may need what its plugin began
        self.lifecycle.stop(self.server)
        self.housekeeping.close()
        self.cancels.close()
        self.sweeper.close()
        self.leases.close()
        self.worker.close()
        self.guests.close()
        close_all([*self.opened.take(), *self.catalog.take()])
        self.storage.close()
