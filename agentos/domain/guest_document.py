"""Guests as JSON documents: what the command line registers and what is stored."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from agentos.domain.agent_document import Types, check_fields
from agentos.domain.guest import Guest
from agentos.domain.ids import AGENT_ID
from agentos.errors import InvalidRequest

SHOWN = ("name", "description", "model", "allow_overrides")
"""The fields of a guest that stand beside ``guest`` in its document, as those of every agent."""

_BESIDE: Types = {
    "id": (str, "a text"),
    "name": (str, "a text"),
    "description": (str, "a text"),
    "model": (str, "a text"),
    "allow_overrides": (list, "a list of names"),
    "guest": ((dict, str), "an object with 'target', or the target alone, as in 'package.module:agent'"),
}

_WITHIN: Types = {
    "target": (str, "a text, as in 'package.module:agent'"),
    "python": (str, "the path of an interpreter"),
    "processes": (int, "a whole number"),
    "exclusive": (bool, "true or false"),
    "environment": (list, "a list of names of variables"),
    "path": (list, "a list of folders"),
    "directory": ((str, type(None)), "a folder"),
    "memory_limit": ((int, type(None)), "a number of bytes"),
}


PLACES = frozenset({"python", "path", "directory", "environment"})
"""The fields of ``guest`` that say where things are on the server's machine, and what its variables are called."""


def is_guest_document(document: Mapping[str, Any]) -> bool:
    """Return whether a document describes a guest, rightly or not."""
    return "guest" in document


def guest_from_document(document: Mapping[str, Any]) -> Guest:
    """Return the guest that a document describes; raise ``InvalidRequest`` naming the field that is wrong."""
    check_fields("the agent", document, _BESIDE, required=("id",))
    if not AGENT_ID.fullmatch(document["id"]):
        raise InvalidRequest(
            f"agent id {document['id']!r:.150} is not accepted: 1 to 128 of letters, digits, '.', '_' and '-', the"
            " first a letter or digit"
        )
    given = document["guest"]
    within = {"target": given} if isinstance(given, str) else given
    check_fields("the agent's guest", within, _WITHIN, required=("target",))
    return Guest(**within, **{name: document[name] for name in SHOWN if name in document})


def guest_document(agent_id: str, guest: Guest) -> dict[str, Any]:
    """Return a guest as a document without its defaults."""
    values = {one.name: _plain(getattr(guest, one.name)) for one in fields(guest) if not _is_default(guest, one)}
    beside = {name: values.pop(name) for name in SHOWN if name in values}
    return {"id": agent_id, **beside, "guest": values}


def _is_default(guest: Guest, one: Field[Any]) -> bool:
    if one.name == "python":
        return guest.python == sys.executable  # wherever that is when the guest is started
    return one.default is not MISSING and getattr(guest, one.name) == one.default


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
