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

from flask import current_app

from agentos.api.kit.body import RawBody
from agentos.api.kit.callers import caller
from agentos.api.kit.client import ClientConnection
from agentos.api.kit.doors import ErrorRenderer, ErrorReport
from agentos.api.kit.errors import error_status, run_error_response, run_error_status
from agentos.api.kit.idempotency import idempotency_key, replayed_header
from agentos.api.kit.ignored_fields import ignored_fields, note_ignored
from agentos.api.kit.middleware import name_run, request_id, this_client
from agentos.api.kit.path_parameters import PathParameter
from agentos.api.kit.pending import pending_actions
from agentos.api.kit.query import read_last_event_id
from agentos.api.kit.routes import PAGE, PUBLIC, RUN_SOME, ResponseSpec, Routes, json_response
from agentos.api.kit.run_answers import event_data, start_and_stream, start_and_wait, stream, wait_for_end
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
    "PAGE",
    "PUBLIC",
    "RUN_SOME",
    "SSE_HEARTBEAT",
    "SSE_MEDIA_TYPE",
    "AgentInfo",
    "AgentNotFound",
    "AgentOSError",
    "AlreadyAnswered",
    "Choice",
    "ClientConnection",
    "ErrorRenderer",
    "ErrorReport",
    "EventsExpired",
    "ExecutionError",
    "Forbidden",
    "Frame",
    "InvalidMedia",
    "InvalidRequest",
    "Nested",
    "NestedList",
    "NotFound",
    "Object",
    "ObjectList",
    "OpenRequestSchema",
    "PathParameter",
    "PendingExpired",
    "Place",
    "Projection",
    "QueryBoolean",
    "QueryInteger",
    "RateLimited",
    "Raw",
    "RawBody",
    "RequestError",
    "RequestSchema",
    "RequestTooLarge",
    "ResponseSchema",
    "ResponseSpec",
    "Routes",
    "RunCancelled",
    "RunFinished",
    "RunHandle",
    "RunNotFound",
    "RunOptions",
    "RunRequest",
    "RunTimeout",
    "Seconds",
    "Server",
    "SessionBusy",
    "SessionNotFound",
    "ShuttingDown",
    "StorageError",
    "StoredMessage",
    "StrictBoolean",
    "StrictField",
    "StrictInteger",
    "StrictString",
    "StringList",
    "Time",
    "TooManyStreams",
    "Unauthenticated",
    "UnsupportedMediaType",
    "caller",
    "error_status",
    "event_data",
    "id_field",
    "idempotency_key",
    "ignored_fields",
    "json_response",
    "metadata_field",
    "name_run",
    "note_ignored",
    "one_line",
    "pair_calls",
    "pending_actions",
    "read_last_event_id",
    "replayed_header",
    "request_id",
    "run_error_response",
    "run_error_status",
    "server",
    "shown",
    "sse_event",
    "sse_json",
    "start_and_stream",
    "start_and_wait",
    "stream",
    "take_place",
    "this_client",
    "token_json",
    "wait_for_end",
]


def server() -> Server:
    """Return the server that serves this request: its agents, sessions and runs."""
    found: Server = current_app.extensions["agentos.plugin_server"]
    return found
