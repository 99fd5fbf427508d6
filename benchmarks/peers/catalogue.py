"""The peers: what is installed, how it is served, and what was configured, which PEERS.md repeats."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.peers.apis import AdkApi, AgentOSApi, AgnoApi, Api, LangGraphApi, OpenAIApi

JOBS = 100
"""As many streams as there are at once."""

HISTORY = 20
"""The turns behind a run that is measured."""


@dataclass(frozen=True)
class Peer:
    """A server to compare with.

    ``command`` is run in a copy of ``servers/NAME``, in the environment of ``NAME.txt``; ``{bin}`` and ``{port}`` are
    filled in, in ``env`` too. ``ready`` is a path that answers 200 once it serves. The versions of ``packages``
    are reported, ``configured`` says what was chosen, and why. ``beside`` is the row of ours that it is
    compared with: the one that is asked in the same way.
    """

    title: str
    api: Api
    packages: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    ready: str = ""
    configured: str = ""
    beside: str = "agentos"


AGENTOS = Peer(
    title="AgentOS",
    api=AgentOSApi(),
    configured="`gunicorn -c gunicorn.conf.py wsgi:app`, all defaults: SQLite, every run committed before the model is "
    "asked and before its end is told, every event of a stream in the database, JSON log.",
)

OURS = {
    "agentos": AGENTOS,
    "agentos-chat": Peer(
        title="AgentOS as a model",
        api=OpenAIApi(turns=HISTORY),
        configured="The same server at `/v1/chat/completions`: the client sends the conversation each time. Runs and "
        "events are saved all the same.",
    ),
}
"""One server, by how it is asked."""

PEERS = {
    "agno": Peer(
        title="Agno AgentOS",
        api=AgnoApi(),
        packages=("agno", "fastapi", "uvicorn", "uvloop", "openai"),
        command=("{bin}/python", "serve.py"),
        env={"AGENT_OS_HOST": "127.0.0.1", "AGENT_OS_PORT": "{port}"},
        ready="/health",
        configured="`agent_os.serve()` as in its quick start, without reload: one uvicorn worker, with uvloop and "
        "httptools; `OpenAIChat`; `SqliteDb`; `add_history_to_context` with `num_history_runs=20`, so that as much "
        "history is handed to the model as by the others; telemetry off.",
    ),
    "langgraph": Peer(
        title="LangGraph Server (dev)",
        api=LangGraphApi(),
        packages=("langgraph-api", "langgraph-runtime-inmem", "langgraph", "langchain-openai", "openai"),
        command=(
            *("{bin}/langgraph", "dev", "--no-browser", "--no-reload"),
            *("--port", "{port}", "--n-jobs-per-worker", str(JOBS)),
        ),
        env={
            "LANGSMITH_TRACING": "false",
            "LANGGRAPH_CLI_NO_ANALYTICS": "1",
            "LANGGRAPH_NO_VERSION_CHECK": "true",
        },
        ready="/ok",
        configured="`langgraph dev --no-reload`, which can be had without a licence, PostgreSQL and Redis, and says of "
        "itself that it is for development and testing: threads, runs and checkpoints in memory, and in local files in "
        f"between; `--n-jobs-per-worker {JOBS}`, since by default only 10 runs are worked on at once; a graph of one "
        "node that asks `ChatOpenAI`; `messages-tuple` for streams; analytics, tracing and the check for a new version "
        "off.",
    ),
    "adk": Peer(
        title="Google ADK",
        api=AdkApi(),
        packages=("google-adk", "litellm", "fastapi", "uvicorn", "openai"),
        command=("{bin}/adk", "api_server", "--port", "{port}", "agents"),
        env={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"},
        ready="/list-apps",
        configured="`adk api_server`, all defaults: one uvicorn worker, sessions in SQLite (`.adk/session.db`); "
        "`LiteLlm`, which is how it asks an OpenAI-compatible model; telemetry off, and the list of prices that "
        "LiteLLM would fetch.",
    ),
    "litellm": Peer(
        title="LiteLLM proxy",
        api=OpenAIApi(turns=HISTORY),
        packages=("litellm", "fastapi", "uvicorn", "uvloop", "openai"),
        command=(
            *("{bin}/litellm", "--config", "config.yaml", "--telemetry", "False"),
            *("--host", "127.0.0.1", "--port", "{port}"),
        ),
        env={
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_LOG": "ERROR",
            # Without keys, as the others are served.
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        },
        ready="/health/liveliness",
        beside="agentos-chat",
        configured="`litellm --config config.yaml`, one uvicorn worker: a gateway between clients and models, without "
        "agents. No database, so that nothing is saved: no conversation, no answer, no stream to come back to. No "
        "keys; its log at errors, as its guide for production says; telemetry off, and no list of prices fetched. Its "
        "ratios are to AgentOS as a model.",
    ),
}
