"""The checkpointer of a run: in memory while it runs, JSON in the run's record while it is paused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver

from .frozen import Refused, freeze, thaw

Stored = tuple[str, Any]
_KEPT, _REFUSED = "json", "refused"


class _Serializer:
    """Turns values into JSON, as trees and not as text. One that cannot be kept matters only if the run pauses."""

    def dumps_typed(self, value: Any) -> Stored:
        try:
            return _KEPT, freeze(value)
        except Refused as refused:
            return _REFUSED, (value, refused)

    def loads_typed(self, stored: Stored) -> Any:
        kind, content = stored
        return thaw(content) if kind == _KEPT else content[0]


class Checkpoints(InMemorySaver):  # type: ignore[misc]  # the framework is not there when types are checked
    """Keeps the checkpoints of one run. Used with ``durability="exit"``, so that a step costs nothing."""

    def __init__(self) -> None:
        super().__init__(serde=_Serializer())

    def freeze(self) -> list[dict[str, Any]]:
        """Return what a resume needs: the newest checkpoint of each graph, and its writes. Raises ``Refused``."""
        graphs = []
        for thread, spaces in self.storage.items():
            for space, checkpoints in spaces.items():
                # A channel of differences is rebuilt from all checkpoints before; else the newest one has everything.
                ids = sorted(checkpoints)
                graphs += [
                    self._freeze_one(thread, space, checkpoint_id)
                    for checkpoint_id in (ids if _has_differences(checkpoints) else ids[-1:])
                ]
        return graphs

    def thaw(self, graphs: list[dict[str, Any]]) -> None:
        """Take what :meth:`freeze` returned. Raises ``Refused``, now and not in the middle of the run."""
        for graph in graphs:
            thread, space, checkpoint_id = graph["thread"], graph["namespace"], graph["id"]
            checkpoint, metadata = (_KEPT, graph["checkpoint"]), (_KEPT, graph["metadata"])
            self.storage[thread][space][checkpoint_id] = (checkpoint, metadata, graph["parent"])
            versions = thaw(graph["checkpoint"])["channel_versions"]
            for channel, value in graph["values"].items():
                thaw(value, channel)
                self.blobs[(thread, space, channel, versions[channel])] = (_KEPT, value)
            for task, number, channel, value, path in graph["writes"]:
                thaw(value, channel)
                self.writes[(thread, space, checkpoint_id)][(task, number)] = (task, channel, (_KEPT, value), path)

    def _freeze_one(self, thread: str, space: str, checkpoint_id: str) -> dict[str, Any]:
        checkpoint, metadata, parent = self.storage[thread][space][checkpoint_id]
        versions: Mapping[str, Any] = self.serde.loads_typed(checkpoint)["channel_versions"]
        values = {channel: self.blobs.get((thread, space, channel, version)) for channel, version in versions.items()}
        writes = self.writes.get((thread, space, checkpoint_id), {})
        return {
            "thread": thread,
            "namespace": space,
            "id": checkpoint_id,
            "parent": parent,
            "checkpoint": _kept(checkpoint, "checkpoint"),
            "metadata": _kept(metadata, "metadata"),
            "values": {
                channel: _kept(stored, channel)
                for channel, stored in values.items()
                if stored is not None and stored[0] != "empty"
            },
            "writes": [
                [task, number, channel, _kept(stored, channel), path]
                for (task, number), (_, channel, stored, path) in writes.items()
            ],
        }


def _kept(stored: Stored, channel: str) -> Any:
    kind, content = stored
    if kind == _REFUSED:
        _, refused = content
        raise refused.within(channel)
    return content


def _has_differences(checkpoints: Mapping[str, Any]) -> bool:
    return any("counters_since_delta_snapshot" in metadata[1] for _, metadata, _ in checkpoints.values())
