"""The model: what has to be there of runs and sessions, and how a step of the machine chooses among them."""

from dataclasses import dataclass, field, replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from agentos.domain.event import Frame
from agentos.domain.run import BusyPolicy, Run, RunStatus
from agentos.storage.admission import Quota
from agentos.testing.storage.contract import said

WORKERS = ("worker-1", "worker-2")
TURNS = 2
OWNERS = ("alice", "bob")
OPERATOR = "operator"
ANY_NUMBER = Quota()
FINISHED = [status for status in RunStatus if status.finished]

some = st.integers(min_value=0, max_value=999)
names = st.sampled_from(["k1", "k2"])
workers = st.sampled_from(WORKERS)
policies = st.sampled_from(BusyPolicy)
owners = st.sampled_from(OWNERS)
askers = st.sampled_from([None, None, *OWNERS])
limits = st.sampled_from([None, None, None, None, 1, 3])
quotas = st.builds(Quota, limits, limits, limits)
ends = st.sampled_from(FINISHED)


def sees(asker, owner):
    """Return whether a caller sees what is an owner's; ``None`` sees everything."""
    return asker in (None, owner)


@dataclass
class Expected:
    """What has to be there of a run. ``worker`` is ``None`` while it is paused or no worker has claimed it."""

    run: Run
    worker: str | None
    late: bool = False
    """The lease of its worker has run out, or the time in which one should have claimed it."""
    asked_to_stop: bool = False
    to_be_forgotten: bool = False
    spoke: tuple[str, ...] = ()
    changed_state: bool = False
    frames: list[Frame] = field(default_factory=list)
    checkpoints: int = 0
    actions: list = field(default_factory=list)
    earlier_actions: int = 0
    """How many of the actions are of pauses before the last one."""
    has_record: bool = False

    @property
    def open(self):
        return not self.run.status.finished

    @property
    def status(self):
        return self.run.status

    @property
    def paused(self):
        return self.status is RunStatus.PAUSED

    @property
    def in_the_way(self):
        return self.paused and not self.asked_to_stop

    @property
    def never_begins(self):
        """It was asked to stop before it had a worker, or while it waited for its turn: nobody may begin it."""
        return self.status is RunStatus.QUEUED and self.asked_to_stop

    @property
    def unclaimed(self):
        return self.status is RunStatus.QUEUED and self.worker is None

    @property
    def pending(self):
        return tuple(one for one in self.actions if one.answer is None)

    def now(self, **fields):
        """Change the run."""
        self.run = replace(self.run, **fields)


class Model(RuleBasedStateMachine):
    """What the machine knows, and what follows from it."""

    def __init__(self, storage):
        super().__init__()
        self.storage = storage
        self.sessions = {}  # id -> ids of its runs in the order of admission
        self.places = {}  # id -> the last position that it gave
        self.owners = {}  # id of a session, also of a deleted one -> its owner
        self.gone = []  # ids of deleted sessions
        self.runs = {}  # id -> Expected
        self.handed_out = []  # every run as some worker was given it, also those that were taken from it since
        self.keys = {}
        self.touched = set()
        self.renamed = {}  # id of a session -> how often

    # --- choosing ----------------------------------------------------------------------------------------------

    def any_session(self, pick):
        known = [*self.sessions, *self.gone]
        return None if not known or pick % 7 == 0 else known[pick % len(known)]

    def any_run(self, pick):
        """Prefer what is under way, and of that what has started, which is what can go wrong."""
        views = [run for run in self.handed_out if self.mine(run)] if pick % 4 else self.handed_out
        started = [run for run in views if run.status is RunStatus.RUNNING] if pick % 3 else []
        views = started or views or self.handed_out
        return views[pick % len(views)]

    def executed(self):
        """Return the views of the runs that their workers execute."""
        found = []
        for run in self.handed_out:
            expected = self.mine(run)
            if expected is not None and run.status is expected.status is RunStatus.RUNNING:
                found.append(run)
        return found

    def waiting(self):
        return [one for one in self.runs.values() if one.paused]

    def taken_away(self):
        """Return the views of runs under way that their worker has lost to another, or to itself after a pause."""
        open_runs = [run for run in self.handed_out if run.id in self.runs and self.runs[run.id].open]
        return [run for run in open_runs if not self.mine(run)]

    # --- what follows ------------------------------------------------------------------------------------------

    def of_session(self, session_id):
        return [self.runs[run_id] for run_id in self.sessions.get(session_id, [])]

    def first_before(self, expected):
        """Return the oldest unfinished run of a run's session, if that is another one."""
        older = [one for one in self.of_session(expected.run.session_id) if one.run.position < expected.run.position]
        return next((one for one in older if one.open), None)

    def mine(self, run):
        """Return what is expected of a run if a worker that was given this view of it still has it."""
        expected = self.runs.get(run.id)
        return expected if expected is not None and expected.open and expected.run.attempt == run.attempt else None

    def window(self, session_id):
        turns = [said(*one.spoke) for one in self.of_session(session_id) if one.spoke]
        return tuple(message for turn in turns[-TURNS:] for message in turn)

    def visible(self, session_id, asker):
        return session_id in self.sessions and sees(asker, self.owners[session_id])

    def used_up(self, quota, owner, *, claimed):
        under_way = [one.run.owner for one in self.runs.values() if one.open and not one.paused]
        unclaimed = sum(one.unclaimed for one in self.runs.values())
        counts = [(quota.of_owner, under_way.count(owner)), (quota.of_all, len(under_way))]
        if not claimed:
            counts.append((quota.unclaimed, unclaimed))
        return any(limit is not None and count >= limit for limit, count in counts)

    def change(self, expected, run):
        expected.run = run
        self.handed_out.append(run)
        self.touched.add(run.id)
