"""What a plugin needs to serve HTTP: operations, doors, bodies, errors, and runs as streams.

    from agentos import hookimpl
    from agentos.web import ResponseSpec, Routes, json_response

    routes = Routes("greetings", "Says hello.")

    @routes.get("/greetings", access="greetings:read", responses={200: ResponseSpec("A greeting.")})
    def get_greeting():
        "Read a greeting."
        return json_response({"greeting": "Hello"})

    @hookimpl
    def register_routes(register, server):
        register(routes)

Import it where it is used: it loads the web framework, which plugins without operations do not need.
"""

from agentos.api.kit.body import RawBody
from agentos.api.kit.callers import caller
from agentos.api.kit.chat.answer import (
    AnswerCalls,
    AnswerEnded,
    AnswerFailed,
    AnswerPart,
    AnswerReader,
    AnswerStartedOver,
    AnswerText,
    AnswerThought,
    ClientCall,
)
from agentos.api.kit.chat.answering import CHAT_ERRORS, SHOW_TOOLS, ChatDialect, answer_chat
from agentos.api.kit.chat.call_ids import MOST_CALLS, CallIds, base36
from agentos.api.kit.chat.disconnects import ON_DISCONNECT, cancels_on_disconnect
from agentos.api.kit.chat.overrides import RequestedOverrides, allowed_overrides, options_of, refuse
from agentos.api.kit.chat.places import in_their_places
from agentos.api.kit.chat.request import ChatRequest, trailing_results
from agentos.api.kit.chat.results import (
    ClientResults,
    end_pause,
    end_pause_of_calls,
    end_pause_of_results,
    end_pause_of_session,
    find_results,
    give_results,
    keeps_to,
    note_differences,
)
from agentos.api.kit.chat.sessions import SESSION_HEADER, ClientChat, session_header
from agentos.api.kit.chat.waiting import waiting_text
from agentos.api.kit.chat.whole import WholeAnswer, is_plain, plain_answer, read_answer
from agentos.api.kit.client import ClientConnection
from agentos.api.kit.current import this_request
from agentos.api.kit.doors import ErrorRenderer, ErrorReport
from agentos.api.kit.errors import error_status, run_error_response, run_error_status
from agentos.api.kit.idempotency import idempotency_key, replayed_header
from agentos.api.kit.ignored_fields import ignored_fields, note_ignored
from agentos.api.kit.middleware import name_run, request_id, this_client
from agentos.api.kit.path_parameters import PathParameter
from agentos.api.kit.pending import pending_actions
from agentos.api.kit.plugin_server import server
from agentos.api.kit.query import read_last_event_id
from agentos.api.kit.repeats import may_be_repeated
from agentos.api.kit.routes import PAGE, PUBLIC, RUN_SOME, ResponseSpec, Routes, json_response
from agentos.api.kit.run_answers import event_data, start_and_stream, start_and_wait, stream, wait_for_end
from agentos.api.kit.runnable_agents import runnable_agents
from agentos.api.kit.schemas.fields import (
    Choice,
    Object,
    OpenRequestSchema,
    RequestSchema,
    StrictBoolean,
    StrictField,
    StrictInteger,
    StrictString,
    StringList,
    id_field,
    metadata_field,
    shown,
)
from agentos.api.kit.schemas.query_fields import QueryBoolean, QueryInteger
from agentos.api.kit.schemas.structure import Nested, NestedList, ObjectList, Raw, ResponseSchema, Seconds, Time
from agentos.api.kit.sse import SSE_HEARTBEAT, SSE_MEDIA_TYPE, one_line, sse_event, sse_json
from agentos.api.kit.stream_limits import Place, take_place
from agentos.domain.event import Frame
from agentos.domain.run_request import RunRequest
from agentos.errors import (
    AgentNotFound,
    AgentOSError,
    AlreadyAnswered,
    EventsExpired,
    ExecutionError,
    Forbidden,
    InvalidMedia,
    InvalidRequest,
    NotFound,
    PendingExpired,
    RateLimited,
    RequestError,
    RequestTooLarge,
    RunCancelled,
    RunFinished,
    RunNotFound,
    RunTimeout,
    SessionBusy,
    SessionNotFound,
    ShuttingDown,
    StorageError,
    TooManyStreams,
    Unauthenticated,
    UnsupportedMediaType,
)
from agentos.events.encoder import token_json
from agentos.events.projection import Projection
from agentos.execution.run_handle import RunHandle
from agentos.runtime.pairing import pair_calls
from agentos.services.agent_info import AgentInfo
from agentos.services.agents import RunOptions
from agentos.services.server import Server
from agentos.storage.history import StoredMessage

__all__ = [
    "SHOW_TOOLS",
    "NotFound",
    "StringList",
    "Time",
    "name_run",
    "start_and_stream",
    "StorageError",
    "ErrorReport",
    "error_status",
    "plain_answer",
    "Routes",
    "this_client",
    "answer_chat",
    "RunTimeout",
    "one_line",
    "StrictString",
    "AgentInfo",
    "ObjectList",
    "Projection",
    "ChatDialect",
    "trailing_results",
    "json_response",
    "read_answer",
    "PendingExpired",
    "event_data",
    "request_id",
    "ResponseSchema",
    "server",
    "wait_for_end",
    "MOST_CALLS",
    "RunNotFound",
    "ResponseSpec",
    "NestedList",
    "caller",
    "QueryInteger",
    "RequestError",
    "run_error_response",
    "Raw",
    "StrictBoolean",
    "start_and_wait",
    "OpenRequestSchema",
    "SSE_HEARTBEAT",
    "idempotency_key",
    "in_their_places",
    "AnswerFailed",
    "take_place",
    "token_json",
    "note_differences",
    "AnswerEnded",
    "may_be_repeated",
    "metadata_field",
    "session_header",
    "PAGE",
    "ChatRequest",
    "give_results",
    "CallIds",
    "allowed_overrides",
    "RateLimited",
    "Nested",
    "id_field",
    "ignored_fields",
    "RunHandle",
    "read_last_event_id",
    "WholeAnswer",
    "SessionBusy",
    "SESSION_HEADER",
    "pending_actions",
    "keeps_to",
    "RequestedOverrides",
    "Unauthenticated",
    "is_plain",
    "AnswerPart",
    "StrictInteger",
    "ClientCall",
    "AgentOSError",
    "InvalidMedia",
    "RunRequest",
    "base36",
    "Object",
    "Choice",
    "waiting_text",
    "Forbidden",
    "SSE_MEDIA_TYPE",
    "AnswerCalls",
    "RUN_SOME",
    "Seconds",
    "StrictField",
    "ShuttingDown",
    "options_of",
    "SessionNotFound",
    "StoredMessage",
    "InvalidRequest",
    "RunOptions",
    "pair_calls",
    "QueryBoolean",
    "AnswerStartedOver",
    "Frame",
    "PathParameter",
    "ClientConnection",
    "ON_DISCONNECT",
    "Place",
    "AlreadyAnswered",
    "ClientChat",
    "note_ignored",
    "run_error_status",
    "runnable_agents",
    "CHAT_ERRORS",
    "end_pause_of_calls",
    "end_pause_of_results",
    "ExecutionError",
    "sse_event",
    "AgentNotFound",
    "RawBody",
    "stream",
    "AnswerThought",
    "RunCancelled",
    "end_pause_of_session",
    "end_pause",
    "refuse",
    "RequestSchema",
    "RunFinished",
    "EventsExpired",
    "replayed_header",
    "AnswerReader",
    "RequestTooLarge",
    "Server",
    "this_request",
    "cancels_on_disconnect",
    "TooManyStreams",
    "ClientResults",
    "ErrorRenderer",
    "PUBLIC",
    "UnsupportedMediaType",
    "sse_json",
    "AnswerText",
    "shown",
    "find_results",
]
