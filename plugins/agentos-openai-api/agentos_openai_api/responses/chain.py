"""The conversation up to the end of a response: what ``previous_response_id`` continues."""

from __future__ import annotations

from collections.abc import Sequence

from agentos import Message, Run, RunActive, RunNotFound, RunStatus
from agentos.web import EventsExpired, NotFound, RunHandle, StoredMessage, caller, pair_calls, server
from agentos_openai_api.responses.echo import Echo
from agentos_openai_api.responses.parts import ResponseRef, last_part, read_response_id
from agentos_openai_api.responses.retrieval import may_use
from agentos_openai_api.responses.said_in_log import Chain, LogReader
from agentos_openai_api.responses.said_in_record import said_in_record, said_in_session

MOST_MESSAGES = 2000
PAGE = 500
SHARE = 0.9
"""How much of the limits of a conversation the chain may fill; the new input needs the rest."""

ONLY_ENDED = "only the response of an ended run can be continued"


class PreviousResponseNotFound(NotFound, code="PREVIOUS_RESPONSE_NOT_FOUND"):
    """The response to continue is not there, or is not the caller's."""


def read_chain(response_id: str) -> Chain:
    """Return the conversation up to the end of a response.

    Raises :class:`PreviousResponseNotFound`, or ``RunActive`` for a response that has not ended.
    """
    ref = read_response_id(response_id)
    missing = PreviousResponseNotFound(f"previous response with id {response_id!r:.150} not found")
    if ref is None:
        raise missing
    handle = server().runs.open(ref.run_id, caller())
    try:
        run = handle.get()
        if not Echo.of_run(run).is_stored or not may_use(run):
            raise missing
        if run.status in (RunStatus.QUEUED, RunStatus.RUNNING):
            raise RunActive(run.id, ONLY_ENDED)
        earlier, own = _in_session(run)
        said = _said_in(handle, run, ref, own)
        # A client may have added calls and results to the session, one without the other.
        messages = trimmed([*pair_calls(earlier), *handle.messages(), *said.messages])
    except RunNotFound:
        raise missing from None
    return Chain(_with_attachments(messages, run), said.open_calls)


def _said_in(handle: RunHandle, run: Run, ref: ResponseRef, own: Sequence[Message]) -> Chain:
    """Return what was said in a run to the end of a part: from its session's messages, its log, or its record.

    The session has the most: what a provider wants to see again, and each call, without limit of time.
    """
    actions = handle.actions()
    if ref.part > last_part(actions):
        raise RunNotFound(run.id)
    if run.status is RunStatus.COMPLETED and own:
        return said_in_session(run.id, own[1:], actions, ref.part)
    reader = LogReader(ref.part)
    try:
        for frames in handle.follow(0, heartbeat=60):
            reader.read(frames)
            if reader.over:
                break
    except EventsExpired:
        return said_in_session(run.id, own[1:], actions, ref.part) if own else said_in_record(run, actions, ref.part)
    if run.status is RunStatus.PAUSED and not reader.over:
        raise RunActive(run.id, ONLY_ENDED)
    return reader.chain()


def _in_session(run: Run) -> tuple[Sequence[Message], Sequence[Message]]:
    """Return what was said in the session of a run before it, and the run's own messages, from the user's on."""
    if run.session_id is None:
        return (), ()
    earlier: list[Message] = []
    own: list[Message] = []
    before: int | None = None
    while len(earlier) < MOST_MESSAGES:
        page = server().sessions.history(run.session_id, caller(), limit=PAGE, before=before).messages
        earlier = [one.message for one in page if _is_earlier(one, run)] + earlier
        own = [one.message for one in page if one.run_id == run.id] + own
        if len(page) < PAGE:
            break
        before = page[0].sequence
    return earlier, own


def _is_earlier(stored: StoredMessage, run: Run) -> bool:
    """Return whether a message was said before a run. Ids of runs are ordered by time; what was added has no run."""
    return stored.run_id < run.id if stored.run_id else stored.created_at <= run.created_at


def trimmed(messages: Sequence[Message]) -> Sequence[Message]:
    """Return as many of the latest messages as a conversation may have, from the words of a user on."""
    config = server().config
    size, media = config.history_bytes * SHARE, config.max_attachments
    kept = len(messages)
    begin = kept
    for number in range(len(messages) - 1, -1, -1):
        message = messages[number]
        size -= _size(message)
        media -= len(message.media)
        if size < 0 or media < 0 or len(messages) - number > MOST_MESSAGES:
            break
        if message.role == "user":
            begin = number
    return messages[begin:] if begin < kept else messages


def _size(message: Message) -> int:
    size = len(message.content.encode("utf-8", "surrogatepass"))
    size += sum(len(call.arguments.encode("utf-8", "surrogatepass")) for call in message.tool_calls)
    return size + sum((one.byte_count or 0) + 200 for one in message.media)


def _with_attachments(messages: Sequence[Message], run: Run) -> Sequence[Message]:
    """Return messages with the bytes of their attachments, which a session's history leaves out."""
    if run.session_id is None or not any(message.media for message in messages):
        return messages
    session = server().sessions.get(run.session_id, caller())
    return [server().sessions.with_data(message, session) for message in messages]
