"""What must be right of declared operations before they are served."""

from __future__ import annotations

import re

from agentos.api.kit.errors import has_status
from agentos.api.kit.routes import AUTHENTICATED, OPEN, PAGE, RUN_SOME, Route, Routes
from agentos.domain.principal import is_plugin_scope, is_scope
from agentos.errors import PluginError

AUDIT = re.compile(r"[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,30}")
"""What an operation does, for the audit log."""

RUN_ONE = "agents:run:{agent_id}"
"""The one scope that is filled from the path."""


def check_routes(routes: Routes) -> None:
    """Raise :class:`~agentos.errors.PluginError` for the first thing that is wrong."""
    if not routes.tag or "." in routes.tag:
        raise PluginError(f"routes cannot have the tag {routes.tag!r:.100}: give a name without a dot")
    names: set[str] = set()
    for route in routes.declared:
        if route.operation_id in names:
            raise PluginError(f"routes {routes.tag!r} have two functions {route.operation_id!r}; rename one")
        names.add(route.operation_id)
        _check(route)


def is_for_people(route: Route) -> bool:
    """Return whether a route is a page of HTML."""
    return route.access == PAGE and route.method == "GET" and "text/html" in _media_types(route)


def is_page_alone(route: Route) -> bool:
    """Return whether a route is a page of HTML, and answers with nothing else."""
    return is_for_people(route) and _media_types(route) == {"text/html"}


def _check(route: Route) -> None:
    where = f"{route.method} {route.path} of routes {route.tag!r}"
    if not route.path.startswith("/"):
        raise PluginError(f"{where}: a path begins with '/'")
    if len(set(route.path_parameters)) != len(route.path_parameters):
        raise PluginError(f"{where}: a parameter stands in the path twice")
    if not _has_access(route):
        raise PluginError(
            f"{where} has the access {route.access!r:.100}; accepted are PUBLIC, PAGE, a scope of the server, RUN_SOME,"
            " or one of the plugin's own: two words of lower-case letters, digits, '_' and '-', as in 'metrics:read',"
            " the first not 'agents', 'sessions' or 'runs'; or a tuple of scopes, of which a caller needs one"
        )
    if not route.description:
        raise PluginError(f"{where}: function {route.operation_id!r} has no docstring, which the document needs")
    if route.audit is not None and not AUDIT.fullmatch(route.audit):
        raise PluginError(
            f"{where} has the audit action {route.audit!r:.100}; accepted are two words of lower-case letters, digits"
            " and '_', with a dot, as in 'note.delete'"
        )
    for error in route.errors:
        if not has_status(error):
            raise PluginError(f"{where} declares the error {error.__name__}, which is answered with no status")


def _media_types(route: Route) -> set[str]:
    return {media_type for response in route.responses.values() for media_type in response.media_types}


def _has_access(route: Route) -> bool:
    if route.access in (*OPEN, AUTHENTICATED):
        return True
    return bool(route.scopes) and all(_is_accepted(scope, route) for scope in route.scopes)


def _is_accepted(scope: str, route: Route) -> bool:
    filled = scope == RUN_SOME or (scope == RUN_ONE and "agent_id" in route.path_parameters)
    return filled or is_scope(scope) or is_plugin_scope(scope)
