"""The settings of a server: each one a row that says its type, default, environment variable and meaning.

A value comes from ``Config(...)``, else from the environment, else from a file, else it is the default. The reference
in ``docs/reference/settings.md`` is rendered from these rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from types import MappingProxyType

from agentos.settings import (
    ADDRESS,
    FLAG,
    NAMES,
    OPTIONAL_MODEL,
    OPTIONAL_TEXT,
    ORIGINS,
    PLUGINS,
    SIZE,
    TEXT,
    UNSET,
    one_of,
    resolve,
    seconds,
    setting,
    settings_of,
    whole,
)


@dataclass(frozen=True, kw_only=True)
class Config:
    """The settings of one server.

    ``Config(address=":9090")`` takes everything that is not given from the environment, then from the file, then the
    default.

    Raises :class:`~agentos.errors.ConfigError` naming the setting, where its value came from, the value, and what is
    accepted. ``environ`` and ``file`` replace the process's own, for tests and embedding.
    """

    address: str = setting("127.0.0.1:8080", ADDRESS, "Where the server listens.", env="AGENTOS_ADDRESS")
    database_url: str = setting(
        "sqlite:///agentos.db",
        TEXT,
        "Where sessions and runs are kept: sqlite:///FILE, postgresql+psycopg://…, memory://, or a plugin's scheme.",
        env="AGENTOS_DATABASE_URL",
        secret=True,
    )
    migrate: bool = setting(True, FLAG, "Bring the database's schema up to date at start.", env="AGENTOS_MIGRATE")
    model: str | None = setting(
        None,
        OPTIONAL_MODEL,
        "Model of the built-in assistant. Default: openai:gpt-5-mini with OPENAI_API_KEY, else local:smollm2"
        " where agentos-local is installed, else scripted:echo.",
        env="AGENTOS_MODEL",
    )
    assistant: bool = setting(True, FLAG, "Offer the built-in agent `assistant`.", env="AGENTOS_ASSISTANT")
    debug: bool = setting(False, FLAG, "Log at level debug, to the console.", env="AGENTOS_DEBUG")
    allow_origins: tuple[str, ...] = setting(
        (), ORIGINS, "Origins whose pages may call the API (CORS). Empty: none.", env="AGENTOS_ALLOW_ORIGINS"
    )
    allow_methods: tuple[str, ...] = setting(
        ("GET", "POST", "PUT", "DELETE", "OPTIONS"), NAMES, "Methods that they may use.", env="AGENTOS_ALLOW_METHODS"
    )
    allow_headers: tuple[str, ...] = setting(
        ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Last-Event-ID", "X-API-Key", "X-Request-ID"),
        NAMES,
        "Headers that they may send.",
        env="AGENTOS_ALLOW_HEADERS",
    )
    request_timeout: float = setting(
        30.0, seconds(0.1, 3600), "Longest time of a run that is not streamed.", env="AGENTOS_REQUEST_TIMEOUT"
    )
    stream_timeout: float = setting(
        600.0, seconds(0.1, 86400), "Longest time of a run that is streamed.", env="AGENTOS_STREAM_TIMEOUT"
    )
    background_timeout: float = setting(
        3600.0,
        seconds(0.1, 604800),
        "Longest time of a background run, once it has begun.",
        env="AGENTOS_BACKGROUND_TIMEOUT",
    )
    background_limit: int = setting(
        10, whole(1, 10_000), "Background runs that one worker executes at once.", env="AGENTOS_BACKGROUND_LIMIT"
    )
    background_queue: int = setting(
        100,
        whole(0, 100_000),
        "Background runs that wait in one worker for the others to end; more are refused.",
        env="AGENTOS_BACKGROUND_QUEUE",
    )
    executor: str = setting(
        "embedded", TEXT, "What executes background runs: embedded, or a plugin's.", env="AGENTOS_EXECUTOR"
    )
    max_request_size: int = setting(10 * 1024**2, SIZE, "Largest body of a request.", env="AGENTOS_MAX_REQUEST_SIZE")
    workers: int = setting(2, whole(1, 512), "Worker processes.", env=("AGENTOS_WORKERS", "WEB_CONCURRENCY"))
    worker_connections: int = setting(
        2000, whole(1, 100_000), "Connections that one worker serves at once.", env="AGENTOS_WORKER_CONNECTIONS"
    )
    history_turns: int = setting(
        20, whole(0, 10_000), "Turns of its session that a model is given.", env="AGENTOS_HISTORY_TURNS"
    )
    max_turns: int = setting(10, whole(1, 1000), "Model calls that one run may make.", env="AGENTOS_MAX_TURNS")
    tool_timeout: float = setting(
        30.0, seconds(0.1, 3600), "Longest time of one tool call.", env="AGENTOS_TOOL_TIMEOUT"
    )
    token_timeout: float = setting(
        120.0, seconds(0.1, 3600), "Longest silence of a model between two pieces.", env="AGENTOS_TOKEN_TIMEOUT"
    )
    max_output_size: int = setting(
        4 * 1024**2,
        SIZE,
        "Most that one run may write; a model that never ends is stopped there.",
        env="AGENTOS_MAX_OUTPUT_SIZE",
    )
    model_retries: int = setting(
        2,
        whole(0, 20),
        "How often a model call that failed before its first piece is tried again.",
        env="AGENTOS_MODEL_RETRIES",
    )
    heartbeat_interval: float = setting(
        15.0, seconds(0.05, 60), "Longest silence on a stream before a comment line.", env="AGENTOS_HEARTBEAT_INTERVAL"
    )
    lease_seconds: float = setting(
        30.0,
        seconds(1, 3600),
        "How long a worker may be silent before its runs count as lost.",
        env="AGENTOS_LEASE_SECONDS",
    )
    max_attempts: int = setting(
        3,
        whole(1, 100),
        "How often a run of an agent with retry_on_crash is begun at most.",
        env="AGENTOS_MAX_ATTEMPTS",
    )
    event_retention: float = setting(
        86_400.0,
        seconds(1, 31_536_000),
        "How long the events of an ended run can be replayed.",
        env="AGENTOS_EVENT_RETENTION",
    )
    session_ttl: float = setting(
        0.0,
        seconds(0, 315_360_000),
        "Sessions without activity for so long are deleted; 0: never.",
        env="AGENTOS_SESSION_TTL",
    )
    drain_timeout: float = setting(
        25.0, seconds(0, 3600), "How long runs under way may go on after SIGTERM.", env="AGENTOS_DRAIN_TIMEOUT"
    )
    log_level: str = setting(
        "info", one_of("debug", "info", "warning", "error"), "Least level that is logged.", env="AGENTOS_LOG_LEVEL"
    )
    log_format: str = setting("json", one_of("json", "console"), "Form of the log.", env="AGENTOS_LOG_FORMAT")
    log_content: bool = setting(False, FLAG, "Let prompts and answers appear in the log.", env="AGENTOS_LOG_CONTENT")
    plugins: tuple[str, ...] | None = setting(
        None,
        PLUGINS,
        "Plugins to load. Not set: all that are installed; `none`: none.",
        env="AGENTOS_PLUGINS",
    )
    plugins_strict: bool = setting(
        False, FLAG, "Refuse to start with a broken plugin instead of skipping it.", env="AGENTOS_PLUGINS_STRICT"
    )
    openai_api_key: str | None = setting(
        None, OPTIONAL_TEXT, "Key of OpenAI or of a compatible server.", env="OPENAI_API_KEY", secret=True
    )
    openai_base_url: str | None = setting(
        None, OPTIONAL_TEXT, "Address of a server compatible with OpenAI.", env="OPENAI_BASE_URL"
    )
    anthropic_api_key: str | None = setting(
        None, OPTIONAL_TEXT, "Key of Anthropic.", env="ANTHROPIC_API_KEY", secret=True
    )

    environ: InitVar[Mapping[str, str] | None] = None
    file: InitVar[str | Path | None] = None
    sources: Mapping[str, str] = field(init=False, repr=False, compare=False, hash=False)
    """Where each setting's value came from: ``given``, the variable's name, the file's path, or ``default``."""

    def __post_init__(self, environ: Mapping[str, str] | None, file: str | Path | None) -> None:
        settings = settings_of(Config)
        given = {one.name: value for one in settings if (value := getattr(self, one.name)) is not UNSET}
        values, sources = resolve(settings, given, environ=environ, file=file)
        for name, value in values.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "sources", MappingProxyType(sources))
