"""How long a run may take, how much it is given of its session, and how much it may write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agentos.config import Config
from agentos.domain.agent import StreamingAgent
from agentos.domain.stored_request import RunMode, StoredRequest
from agentos.runtime.loop import ModelAgent


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """The limits of one run; times in seconds."""

    timeout: float
    queue_timeout: float
    """How long it may wait for its session's turn."""
    history_turns: int
    history_bytes: int = 8 * 1024**2
    """Most bytes of the session's texts and attachments."""
    max_output: int
    max_state: int = 64 * 1024
    """Most bytes of JSON that the run may make of its session's state."""
    durable: bool = False
    """Followers are shown an event only once the log has it, so that another worker can go on with the run."""
    saves_steps: bool = False
    """A checkpoint is saved after each step; without, only a pause saves one."""
    pause_timeout: float | None = None
    """How long its questions wait for an answer; ``None`` is without limit."""

    @classmethod
    def of(cls, agent: StreamingAgent, config: Config, request: StoredRequest | None) -> RunLimits:
        """Return the limits of an agent's run on a server with this configuration.

        Without a ``request`` (a run of an earlier version) the longest time holds that it may have had.
        """
        timeouts = {
            RunMode.INLINE: config.request_timeout,
            RunMode.STREAMED: config.stream_timeout,
            RunMode.BACKGROUND: config.background_timeout,
        }
        timeout = max(timeouts.values()) if request is None else timeouts[request.mode]
        durable = bool(agent_setting(agent, "retry_on_crash", False))
        turns = agent_setting(agent, "history_turns", None)
        if request is not None and request.messages:
            turns = 0  # the client's conversation takes their place
        return cls(
            timeout=timeout,
            queue_timeout=config.queue_timeout or timeout,
            history_turns=config.history_turns if turns is None else turns,
            history_bytes=config.history_bytes,
            max_output=config.max_output_size,
            max_state=config.max_metadata_size,
            durable=durable,
            # An agent that is not ours begins from its beginning, and would say again what a checkpoint keeps.
            saves_steps=durable and isinstance(agent, ModelAgent),
            pause_timeout=config.pause_timeout or None,
        )


def agent_setting(agent: StreamingAgent, name: str, default: Any) -> Any:
    """Return what an agent, ours or not, says of itself."""
    return getattr(agent.agent if isinstance(agent, ModelAgent) else agent, name, default)
