"""The settings of a server: each one a row that says its type, default and meaning.

A value comes from ``Config(...)``, else from the environment (with ``.env``), else from a file, else it is the default.
The reference in ``docs/reference/settings.md`` is rendered from these rows.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agentos.env_file import load_env_file
from agentos.errors import ConfigError
from agentos.provider_settings import PROVIDERS, ProviderSettings
from agentos.setting_kinds import (
    ADDRESS,
    FLAG,
    HOSTS,
    NAMES,
    OPTIONAL_COUNT,
    OPTIONAL_MEMBER,
    OPTIONAL_MODEL,
    OPTIONAL_RATE,
    OPTIONAL_TEXT,
    ORIGINS,
    PATH_PREFIX,
    PLUGINS,
    SIZE,
    TEXT,
    Rate,
    one_of,
    seconds,
    whole,
)
from agentos.settings import UNSET, Inputs, PluginSettings, Setting, setting, settings_of


@dataclass(frozen=True, kw_only=True)
class Config:
    """The settings of one server.

    ``Config(address=":9090")`` takes everything that is not given from the environment, then from the file, then the
    default. The environment has also what ``.env`` of the working directory adds to it.

    Raises :class:`~agentos.errors.ConfigError` naming the setting, where its value came from, the value, and what is
    accepted. ``environ`` and ``file`` replace the process's own, for tests and embedding.
    """

    address: str = setting("127.0.0.1:8080", ADDRESS, "Where the server listens.")
    database_url: str = setting(
        "sqlite:///agentos.db",
        TEXT,
        "Where sessions and runs are kept: sqlite:///FILE, postgresql+psycopg://…, memory://, or a plugin's scheme.",
        secret=True,
    )
    database_pooler: str = setting(
        "auto",
        one_of("auto", "transaction"),
        "What is between the server and PostgreSQL: `transaction`, a pooler in transaction mode; `auto`, find out.",
    )
    search: bool = setting(
        False,
        FLAG,
        "Keep an index of what users and assistants say, for `q_text` of the list of sessions. Costs each run in a"
        " session some time and space.",
    )
    migrate: bool = setting(True, FLAG, "Bring the database's schema up to date at start.")
    model: str | None = setting(
        None,
        OPTIONAL_MODEL,
        "Model of the built-in assistant. Default: openai:gpt-5-mini with OPENAI_API_KEY, else"
        " anthropic:claude-haiku-5-5 with ANTHROPIC_API_KEY, else local:smollm2 where agentos-server-local is"
        " installed, else scripted:echo.",
    )
    app: str | None = setting(
        None,
        OPTIONAL_MEMBER,
        "Program with agents that all commands serve and show: module:name of an `AgentOS`, found from the working"
        " directory.",
    )
    assistant: bool = setting(True, FLAG, "Offer the built-in agent `assistant`.")
    debug: bool = setting(False, FLAG, "Log at level debug, to the console.")
    allow_origins: tuple[str, ...] = setting(
        (), ORIGINS, "Origins whose pages may call the API (CORS). Empty: none but the server's own."
    )
    allow_methods: tuple[str, ...] = setting(
        ("GET", "POST", "PUT", "DELETE", "OPTIONS"), NAMES, "Methods that they may use."
    )
    allow_headers: tuple[str, ...] = setting(
        ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Last-Event-ID", "X-API-Key", "X-Request-ID"),
        NAMES,
        "Headers that they may send.",
    )
    request_timeout: float = setting(30.0, seconds(0.1, 3600), "Longest time of a run that is not streamed.")
    stream_timeout: float = setting(600.0, seconds(0.1, 86400), "Longest time of a run that is streamed.")
    background_timeout: float = setting(
        3600.0, seconds(0.1, 604800), "Longest time of a background run, once it has begun."
    )
    queue_timeout: float = setting(
        0.0,
        seconds(0, 604800),
        "Longest time that a run waits for its session's turn, apart from the run's own limit; 0: as long as that.",
    )
    background_limit: int = setting(10, whole(1, 10_000), "Background runs that one worker executes at once.")
    background_queue: int = setting(
        100,
        whole(0, 100_000),
        "Background runs of the whole deployment that may wait for a worker, each at least a moment; more are refused.",
    )
    executor: str = setting("embedded", TEXT, "What executes background runs: embedded, or a plugin's.")
    signals: str = setting(
        "local",
        TEXT,
        "How workers wake each other: `local`, each asks the database a few times a second; or the URL of a plugin's.",
        secret=True,
    )
    max_request_size: int = setting(10 * 1024**2, SIZE, "Largest body of a request.")
    max_input_size: int = setting(1024**2, SIZE, "Largest text input of a run, and instructions of an agent.")
    max_metadata_size: int = setting(
        64 * 1024,
        SIZE,
        "Largest object that is kept for a client, as JSON: metadata, state, run_context, an agent's parameters.",
    )
    agent_versions: int = setting(
        100,
        whole(10, 10_000),
        "Versions of each stored agent that are kept; older ones are deleted when no unfinished run has them.",
    )
    max_attachments: int = setting(32, whole(0, 1000), "Attachments of one run.")
    max_attachment_size: int = setting(8 * 1024**2, SIZE, "Largest attachment, decoded.")
    media_hosts: tuple[str, ...] = setting(
        (), HOSTS, "Hosts that attachments may be named at. Empty: all that are not internal."
    )
    media_hosts_denied: tuple[str, ...] = setting((), HOSTS, "Hosts that attachments may not be named at.")
    media_fetch: bool = setting(
        False, FLAG, "Fetch attachments that are named by URL, for models that cannot; otherwise the provider does."
    )
    auth: tuple[str, ...] = setting(
        (),
        NAMES,
        "Authenticators in force, asked in this order: api_key, jwt, or a plugin's. Empty: none; then only this machine"
        " is served.",
    )
    allow_anonymous: bool = setting(False, FLAG, "Without authenticators, serve other machines too.")
    jwt_key: str | None = setting(
        None, OPTIONAL_TEXT, "Secret (HS…) or public key in PEM (RS…, ES…) that tokens are checked with.", secret=True
    )
    jwt_jwks: str | None = setting(
        None, OPTIONAL_TEXT, "File or URL of the key set (JWKS) that tokens are checked with."
    )
    jwt_algorithms: tuple[str, ...] = setting(("RS256", "ES256"), NAMES, "Signature algorithms that are accepted.")
    jwt_issuer: str | None = setting(None, OPTIONAL_TEXT, "`iss` that tokens must have.")
    jwt_audience: str | None = setting(None, OPTIONAL_TEXT, "`aud` that tokens must have.")
    jwt_leeway: float = setting(
        30.0, seconds(0, 600), "Largest difference between our clock and that of the issuer of tokens."
    )
    jwt_owner_claim: str = setting("sub", TEXT, "Claim that names the user or tenant whose things a token sees.")
    jwt_scope_claim: str = setting("scope", TEXT, "Claim that has the scopes, as a text with spaces or a list.")
    rate_limit: Rate | None = setting(
        None,
        OPTIONAL_RATE,
        "Requests of one key or token on average; as many at once. Each worker counts for itself. Not set: 50/s where"
        " callers are asked for a credential (`AGENTOS_AUTH`), else no limit.",
    )
    address_rate_limit: Rate | None = setting(
        None,
        OPTIONAL_RATE,
        "Requests of one address, with any credentials. Not set: no limit with `AGENTOS_AUTH`, else that of"
        " `AGENTOS_RATE_LIMIT`.",
    )
    failed_auth_rate_limit: Rate | None = setting(
        None,
        OPTIONAL_RATE,
        "Requests of one address without a valid credential; those with one are not counted and pass. Not set:"
        " 60/minute with `AGENTOS_AUTH`, unless `AGENTOS_ADDRESS_RATE_LIMIT` counts them.",
    )
    rate_limit_store: str = setting(
        "worker",
        TEXT,
        "Where requests are counted: `worker`, each for itself; or the URL of a plugin's store, which all share.",
        secret=True,
    )
    proxy_hops: int = setting(
        0, whole(0, 10), "Proxies before the server that add the client's address to X-Forwarded-For."
    )
    root_path: str | None = setting(
        None,
        PATH_PREFIX,
        "Path under which a proxy shows the server. URLs in responses begin with it; those of requests may.",
    )
    max_runs: int | None = setting(
        None, OPTIONAL_COUNT, "Runs under way at once in the whole deployment. Not set: no limit."
    )
    max_runs_per_owner: int | None = setting(
        None, OPTIONAL_COUNT, "Runs under way at once of one owner. Not set: 100 with `AGENTOS_AUTH`, else no limit."
    )
    max_paused_runs_per_owner: int = setting(
        1000,
        whole(0, 1_000_000),
        "Runs of one owner that may be paused at once. A run that would be one more fails instead.",
    )
    pause_timeout: float = setting(
        604_800.0,
        seconds(0, 315_360_000),
        "How long a paused run waits for an answer where nothing else is said. Then a call that waits for an approval"
        " is rejected; a question, or a tool of the client, fails the run. 0: without limit.",
    )
    max_streams_per_owner: int | None = setting(
        None,
        OPTIONAL_COUNT,
        "Streams and requests that wait for a run, of one owner, open at once in each worker. Not set: 500 with"
        " AGENTOS_AUTH, else no limit.",
    )
    max_streams_per_run: int = setting(
        100, whole(1, 1_000_000), "Streams and waiting requests of one run, open at once in each worker."
    )
    header_timeout: float = setting(15.0, seconds(0.1, 600), "Longest time that a request's header may take to arrive.")
    write_timeout: float = setting(
        60.0, seconds(0.1, 3600), "Longest time that a client may take none of an answer before it is given up."
    )
    workers: int = setting(2, whole(1, 512), "Worker processes.", env=("AGENTOS_WORKERS", "WEB_CONCURRENCY"))
    worker_connections: int = setting(2000, whole(1, 100_000), "Connections that one worker serves at once.")
    history_turns: int = setting(20, whole(0, 10_000), "Turns of its session that a model is given.")
    history_bytes: int = setting(
        8 * 1024**2,
        SIZE,
        "Most bytes of its session that a model is given. Texts come first, then attachments, the newest first; a line"
        " replaces one that does not fit. What the run itself brings does not count.",
    )
    max_turns: int = setting(10, whole(1, 1000), "Model calls that one run may make.")
    tool_timeout: float = setting(30.0, seconds(0.1, 3600), "Longest time of one tool call.")
    tool_memory: int = setting(512 * 1024**2, SIZE, "Memory of one call of an isolated tool.")
    tool_cpu: float = setting(10.0, seconds(0.1, 3600), "CPU time of one call of an isolated tool.")
    async_processes: int = setting(1, whole(1, 64), "Guest processes for agents and tools with async def.")
    token_timeout: float = setting(120.0, seconds(0.1, 3600), "Longest silence of a model between two pieces.")
    max_output_size: int = setting(
        4 * 1024**2, SIZE, "Most that one run or summary may write; a model that never ends is stopped there."
    )
    model_retries: int = setting(
        2, whole(0, 20), "How often a model call that failed before its first piece is tried again."
    )
    heartbeat_interval: float = setting(15.0, seconds(0.05, 60), "Longest silence on a stream before a comment line.")
    lease_seconds: float = setting(
        30.0, seconds(1, 3600), "How long a worker may be silent before its runs count as lost."
    )
    max_attempts: int = setting(
        3,
        whole(1, 100),
        "How many workers may be lost with one run of an agent with retry_on_crash; with the last of them it fails.",
    )
    event_retention: float = setting(
        86_400.0, seconds(1, 31_536_000), "How long the events of an ended run can be replayed."
    )
    session_ttl: float = setting(
        0.0, seconds(0, 315_360_000), "Sessions without activity for so long are deleted; 0: never."
    )
    run_ttl: float = setting(
        0.0,
        seconds(0, 315_360_000),
        "Runs without a session that ended so long ago are deleted; 0: never. Others go with their session.",
    )
    drain_timeout: float = setting(25.0, seconds(0, 3600), "How long runs under way may go on after SIGTERM.")
    hold_warning: float = setting(
        0.2,
        seconds(0, 60),
        "A piece of work that holds a worker for longer, so that all its other requests wait, is named in the"
        " log with its stack; 0: never.",
    )
    log_level: str = setting("info", one_of("debug", "info", "warning", "error"), "Least level that is logged.")
    log_format: str = setting("json", one_of("json", "console"), "Form of the log.")
    log_content: bool = setting(False, FLAG, "Let prompts and answers appear in the log.")
    least_free_disk: int = setting(
        64 * 1024**2, SIZE, "With less free space on the disk of an SQLite database, the server is not ready."
    )
    ready_providers: bool = setting(
        False, FLAG, "Let `/ready` show whether the model providers of the agents can be used, asked once a minute."
    )
    audit_log: str | None = setting(
        None, OPTIONAL_TEXT, "File that the lines of the audit log are added to, by servers and commands, as JSON."
    )
    slow_request: float = setting(
        5.0,
        seconds(0, 3600),
        "Requests that take longer get a warning; without the time that they wait for a run, or stream it. 0: none.",
    )
    slow_tool: float = setting(10.0, seconds(0, 3600), "Tool calls that take longer get a warning. 0: none.")
    slow_statement: float = setting(
        0.5, seconds(0, 3600), "Statements of the database that take longer get a warning. 0: none."
    )
    plugins: tuple[str, ...] | None = setting(
        None, PLUGINS, "Plugins to load. Not set: all that are installed; `none`: none; `-docs`: all but that one."
    )
    plugins_strict: bool = setting(False, FLAG, "Refuse to start with a broken plugin instead of skipping it.")
    openai_api_key: str | None = setting(
        None, OPTIONAL_TEXT, "Key of OpenAI or of a compatible server.", env=("OPENAI_API_KEY",), secret=True
    )
    openai_base_url: str | None = setting(
        None, OPTIONAL_TEXT, "Address of a server compatible with OpenAI.", env=("OPENAI_BASE_URL",)
    )
    anthropic_api_key: str | None = setting(
        None, OPTIONAL_TEXT, "Key of Anthropic.", env=("ANTHROPIC_API_KEY",), secret=True
    )
    providers: tuple[ProviderSettings, ...] = setting(
        (),
        PROVIDERS,
        "OpenAI-compatible model servers, each under a name that agents' models begin with. Options: see below.",
    )

    plugin_settings: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    """Settings of plugins by name, as in ``config.plugin_settings["http_timeout"]``.

    To :class:`Config` the values that are given in code; once plugins are loaded, all of theirs. Hooks get it so.
    """

    environ: InitVar[Mapping[str, str] | None] = None
    file: InitVar[str | Path | None] = None
    sources: Mapping[str, str] = field(init=False, repr=False, compare=False, hash=False)
    """Where each setting's value came from: ``given``, the variable's name, the file's path, or ``default``."""
    inputs: Inputs = field(init=False, repr=False, compare=False, hash=False)
    """What the settings were read from, and those of plugins will be."""
    settings: tuple[Setting, ...] = field(init=False, repr=False, compare=False, hash=False)
    """All settings: ours, and behind them those of plugins once they are loaded."""

    def __post_init__(self, environ: Mapping[str, str] | None, file: str | Path | None) -> None:
        if environ is None:
            load_env_file()
            environ = os.environ
        settings = settings_of(type(self))
        given = {one.name: value for one in settings if (value := getattr(self, one.name)) is not UNSET}
        if not isinstance(self.plugin_settings, Mapping):
            raise ConfigError(
                f"plugin_settings is of type {type(self.plugin_settings).__name__}; accepted: a dictionary of names and"
                " values"
            )
        if ours := sorted(self.plugin_settings.keys() & {one.name for one in settings}):
            raise ConfigError(f"plugin_settings has {ours[0]!r}, which is the server's own; give Config({ours[0]}=…)")
        inputs = Inputs.collect({**self.plugin_settings, **given}, environ, file)
        read = {one.name: inputs.read(one) for one in settings}
        values = {name: value for name, (value, _) in read.items()}
        sources = {name: source for name, (_, source) in read.items()}
        values |= _dependent_defaults(values, sources)
        values["providers"] = tuple(one.with_variables(environ) for one in values["providers"])
        self._set(**values, plugin_settings=PluginSettings(self.plugin_settings))
        self._set(sources=MappingProxyType(sources), inputs=inputs, settings=tuple(settings))

    def value_of(self, setting: Setting) -> Any:
        """Return the value of a setting, ours or a plugin's."""
        return getattr(self, setting.name) if setting.plugin is None else self.plugin_settings[setting.name]

    def replace(self, **given: Any) -> Config:
        """Return the settings with others in their place. Each keeps where it came from, those of plugins too."""
        ours = {one.name for one in settings_of(type(self))}
        in_code = {name: getattr(self, name) for name in ours if self.sources[name] == "given"}
        plugins = {name: value for name, value in self.inputs.given.items() if name not in ours}
        plugins |= given.pop("plugin_settings", {})
        return type(self)(
            **(in_code | given), plugin_settings=plugins, environ=self.inputs.environment, file=self.inputs.file
        )

    def with_plugin_settings(self, read: Sequence[tuple[Setting, Any, str]]) -> Config:
        """Return it with the settings of the plugins that are loaded, each with its value and source."""
        config = copy(self)
        config._set(
            plugin_settings=PluginSettings({one.name: value for one, value, _ in read}),
            sources=MappingProxyType({**self.sources, **{one.name: source for one, _, source in read}}),
            settings=(*settings_of(type(self)), *(one for one, _, _ in read)),
        )
        return config

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)


def _dependent_defaults(values: Mapping[str, Any], sources: Mapping[str, str]) -> dict[str, Any]:
    """Return the defaults of settings that depend on others, for those that are not set."""
    defaults: dict[str, Any]
    if values["auth"]:
        failures = Rate(60, 60.0) if values["address_rate_limit"] is None else None
        defaults = {"rate_limit": Rate(50, 1.0), "failed_auth_rate_limit": failures, "max_runs_per_owner": 100}
    else:
        defaults = {"address_rate_limit": values["rate_limit"]}
    return {name: value for name, value in defaults.items() if sources[name] == "default"}
