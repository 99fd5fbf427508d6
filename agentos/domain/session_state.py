"""What a run did to the state of its session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentos.domain.json_patch import Patch, apply_patch
from agentos.errors import InvalidRequest, PreconditionFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """The patches of a run's :class:`~agentos.domain.event.StateEvent` values, in order, and their outcome.

    ``state`` is what they made of the session's state at ``version``; ``most`` bounds its JSON, in bytes.
    """

    version: int
    state: Mapping[str, Any]
    patches: Sequence[Patch]
    most: int

    def outcome(self, version: int, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the state to be saved in a session that is at ``version`` with ``state`` when the run ends.

        If a client changed the session meanwhile, the patches are applied to what it has become. Raises
        :class:`~agentos.errors.PreconditionFailed` when one of them does not apply any more.
        """
        if version == self.version:
            return self.state
        try:
            for patch in self.patches:
                state = apply_patch(state, patch, most=self.most)
        except InvalidRequest as error:
            raise PreconditionFailed(
                "the state of the session was changed while the run was under way, and what the run did to it does not"
                f" fit any more: {error.message}"
            ) from error
        return state
