"""Definitions of stored agents, and their differences, as answers show them: without what the operator keeps secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

from agentos.domain.agent_parameters import SCHEMAS, path_within
from agentos.domain.guest_document import PLACES as GUEST_PLACES
from agentos.domain.guest_document import is_guest_document
from agentos.domain.json_diff import Difference
from agentos.observability.redaction import HIDDEN, is_secret_member, redact_texts
from agentos.services.agent_versions import VersionDiff


def definition_json(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition; secrets that the operator put into the model's request are hidden.

    Of a guest, what says where things are on the server's machine is hidden too.
    """
    if is_guest_document(document):
        shown = {name: HIDDEN if name in GUEST_PLACES else value for name, value in document["guest"].items()}
        return {**document, "guest": shown}
    parameters = document.get("parameters")
    return {**document, "parameters": _without_secrets(parameters, ())} if parameters else dict(document)


def version_diff_json(diff: VersionDiff) -> dict[str, Any]:
    """Return in what two versions of an agent differ. A secret that changed is named, and not shown."""
    shown = {"old": definition_json(diff.old.document), "value": definition_json(diff.new.document)}
    without = {"add": "old", "remove": "value"}
    changes = [_outside_secrets(one, *shown.values()) for one in diff.differences]
    return {
        "agent_id": diff.new.agent_id,
        "from_version": diff.old.version,
        "to_version": diff.new.version,
        "changes": [
            {"op": one.op, "path": one.path}
            | {name: _at(document, one.keys) for name, document in shown.items() if name != without.get(one.op)}
            for one in {one.keys: one for one in changes}.values()
        ],
    }


def _without_secrets(value: Any, path: tuple[str, ...]) -> Any:
    if path in SCHEMAS:
        return value
    if isinstance(value, Mapping):
        return {
            name: HIDDEN if is_secret_member(name, inner) else _without_secrets(inner, path_within(path, name))
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without_secrets(inner, (*path, "*")) for inner in value]
    return redact_texts(value)


def _outside_secrets(change: Difference, *shown: Mapping[str, Any]) -> Difference:
    """Return a change within an object that is hidden whole as a change of that object."""
    for end in range(1, len(change.keys)):
        keys = change.keys[:end]
        if not all(isinstance(_at(document, keys), Mapping) for document in shown):
            return replace(change, op="replace", keys=keys)
    return change


def _at(document: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return reduce(lambda found, key: found[key], keys, document)
