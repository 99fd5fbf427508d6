"""AgentOS on Redis or Valkey. Each part works without the others, and loads the client when it is used."""

from __future__ import annotations

from agentos import RegisterSetting, hookimpl, kinds


@hookimpl
def register_settings(register: RegisterSetting) -> None:
    """Register how the server is reached, and what its keys begin with."""
    register(
        "redis_prefix",
        kinds.TEXT,
        "agentos:",
        "What all keys and channels in Redis begin with; two deployments on one server need two.",
    )
    register("redis_timeout", kinds.seconds(0.1, 60), "5", "Seconds until a command of Redis without a reply fails.")
    register("redis_connections", kinds.whole(1, 1000), "20", "Most connections of a worker to Redis, of each part.")
