"""A plugin's plain Flask blueprint: what it serves, and what of it is public."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from flask import Blueprint, Flask

from agentos.api.kit.path_parameters import shape_of
from agentos.errors import PluginError

_CONVERTER = re.compile(r"<[^>]+>")
_AUTOMATIC = ("HEAD", "OPTIONS")


class PluginBlueprint:
    """A blueprint with all that it would add to an application, found out by adding it to an empty one.

    ``public`` names endpoints or paths that need no credential. Everything else needs one. Raises
    :class:`~agentos.errors.PluginError` for what it does not have, and for hooks on requests that are not its own.
    """

    def __init__(self, blueprint: Blueprint, public: Collection[str]) -> None:
        self.blueprint = blueprint
        self.name = blueprint.name
        empty = Flask("agentos-check", static_folder=None)
        empty.register_blueprint(blueprint)
        self._refuse_foreign_hooks(empty)
        self._rules = [(rule.endpoint, rule.rule, sorted(rule.methods or ())) for rule in empty.url_map.iter_rules()]
        self.endpoints = frozenset(endpoint for endpoint, _, _ in self._rules)
        self.public = frozenset(endpoint for given in public for endpoint in self._named(given))

    @property
    def paths(self) -> list[str]:
        """The paths that it serves, as Flask writes them."""
        return [path for _, path, _ in self._rules]

    def addresses(self) -> Iterator[tuple[str, str]]:
        """Yield the method and the shape of the path of each thing that it serves."""
        for _, path, methods in self._rules:
            for method in methods:
                if method not in _AUTOMATIC:
                    yield method, shape_of(_CONVERTER.sub("{x}", path))

    def _named(self, given: str) -> list[str]:
        found = [endpoint for endpoint, path, _ in self._rules if given in (endpoint, path, self._short(endpoint))]
        if not found:
            names = ", ".join(sorted({self._short(endpoint) for endpoint in self.endpoints}))
            raise PluginError(
                f"blueprint {self.name!r} has no endpoint or path {given!r:.100} that could be public; it has {names}"
                f" at {', '.join(sorted(set(self.paths)))}"
            )
        return found

    def _short(self, endpoint: str) -> str:
        return endpoint.removeprefix(f"{self.name}.")

    def _refuse_foreign_hooks(self, empty: Flask) -> None:
        """Refuse what would run for the requests of others: it could undo their authentication, or their errors."""
        hooks = (empty.before_request_funcs, empty.after_request_funcs, empty.teardown_request_funcs)
        if any(found.get(None) for found in hooks) or any(empty.error_handler_spec[None].values()):
            raise PluginError(
                f"blueprint {self.name!r} has hooks on all requests (before_app_request, app_errorhandler and the"
                " like); accepted are those on its own, as before_request and errorhandler"
            )
