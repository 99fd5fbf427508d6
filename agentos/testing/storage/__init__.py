"""The promises of a storage backend as tests.

Subclass :class:`StorageContract` and hand it a storage::

    class TestMine(StorageContract):
        @pytest.fixture
        def storage(self):
            storage = MyStorage(...)
            storage.upgrade()
            yield storage
            storage.close()
"""

import pytest

# So that a failure shows the values, though these are no modules of a test suite; has to come before their import.
_PARTS = (
    "agents",
    "agent_versions",
    "aliases",
    "keys",
    "sessions",
    "runs",
    "steps",
    "order",
    "policies",
    "cancelling",
    "idempotency",
    "history",
    "added_messages",
    "removed_messages",
    "forks",
    "attachments",
    "leases",
    "claims",
    "races",
    "unclaimed",
    "pausing",
    "pauses",
    "ends_of_pauses",
    "paused_sessions",
    "answers",
    "refused_answers",
    "checkpoints",
    "waiting",
    "events",
    "housekeeping",
    "deletion",
    "owner_data",
    "owners",
    "quotas",
    "waiting_quotas",
    "requests",
    "records",
    "due_records",
    "contract",
)
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))

from agentos.testing.storage.added_messages import AddedMessageContract  # noqa: E402
from agentos.testing.storage.agent_versions import AgentVersionContract  # noqa: E402
from agentos.testing.storage.agents import AgentContract  # noqa: E402
from agentos.testing.storage.aliases import AliasContract  # noqa: E402
from agentos.testing.storage.answers import AnswerContract  # noqa: E402
from agentos.testing.storage.attachments import AttachmentContract  # noqa: E402
from agentos.testing.storage.backlog import BacklogContract  # noqa: E402
from agentos.testing.storage.cancelling import CancelContract  # noqa: E402
from agentos.testing.storage.checkpoints import CheckpointContract  # noqa: E402
from agentos.testing.storage.claims import ClaimContract  # noqa: E402
from agentos.testing.storage.deletion import DeletionContract  # noqa: E402
from agentos.testing.storage.due_records import DueRecordContract  # noqa: E402
from agentos.testing.storage.ends_of_pauses import EndOfPauseContract  # noqa: E402
from agentos.testing.storage.events import EventContract  # noqa: E402
from agentos.testing.storage.forks import ForkContract  # noqa: E402
from agentos.testing.storage.history import HistoryContract  # noqa: E402
from agentos.testing.storage.housekeeping import HousekeepingContract  # noqa: E402
from agentos.testing.storage.idempotency import IdempotencyContract  # noqa: E402
from agentos.testing.storage.keys import KeyContract  # noqa: E402
from agentos.testing.storage.late_answers import LateAnswerContract  # noqa: E402
from agentos.testing.storage.leases import LeaseContract  # noqa: E402
from agentos.testing.storage.order import OrderContract  # noqa: E402
from agentos.testing.storage.owner_data import OwnerDataContract  # noqa: E402
from agentos.testing.storage.owners import OwnerContract  # noqa: E402
from agentos.testing.storage.paused_sessions import PausedSessionContract  # noqa: E402
from agentos.testing.storage.pauses import PauseContract  # noqa: E402
from agentos.testing.storage.policies import PolicyContract  # noqa: E402
from agentos.testing.storage.quotas import QuotaContract  # noqa: E402
from agentos.testing.storage.races import RaceContract  # noqa: E402
from agentos.testing.storage.records import RecordContract  # noqa: E402
from agentos.testing.storage.refused_answers import RefusedAnswerContract  # noqa: E402
from agentos.testing.storage.removed_messages import RemovedMessageContract  # noqa: E402
from agentos.testing.storage.requests import RequestContract  # noqa: E402
from agentos.testing.storage.runs import RunContract  # noqa: E402
from agentos.testing.storage.sessions import SessionContract  # noqa: E402
from agentos.testing.storage.steps import StepContract  # noqa: E402
from agentos.testing.storage.unclaimed import UnclaimedContract  # noqa: E402
from agentos.testing.storage.waiting import WaitingContract  # noqa: E402
from agentos.testing.storage.waiting_quotas import WaitingQuotaContract  # noqa: E402

__all__ = ["StorageContract"]


class StorageContract(
    AgentContract,
    AgentVersionContract,
    KeyContract,
    SessionContract,
    RunContract,
    StepContract,
    OrderContract,
    PolicyContract,
    CancelContract,
    IdempotencyContract,
    HistoryContract,
    AddedMessageContract,
    RemovedMessageContract,
    ForkContract,
    AttachmentContract,
    LeaseContract,
    ClaimContract,
    RaceContract,
    UnclaimedContract,
    PauseContract,
    EndOfPauseContract,
    PausedSessionContract,
    AnswerContract,
    LateAnswerContract,
    RefusedAnswerContract,
    CheckpointContract,
    WaitingContract,
    BacklogContract,
    EventContract,
    HousekeepingContract,
    DeletionContract,
    OwnerContract,
    OwnerDataContract,
    QuotaContract,
    WaitingQuotaContract,
    RequestContract,
    AliasContract,
    RecordContract,
    DueRecordContract,
):
    """All of it: subclass this and override the fixture ``storage``."""
