"""All operations of one application, the core's and its plugins', checked for what two of them cannot share."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NoReturn

from flask import Blueprint, Flask, Request, Response, current_app
from werkzeug.exceptions import MethodNotAllowed as WrongMethod

from agentos.api.kit import ignored_fields
from agentos.api.kit.accepting import wants_html
from agentos.api.kit.blueprints import PluginBlueprint
from agentos.api.kit.current import this_request
from agentos.api.kit.declarations import check_routes, is_for_people, is_page_alone
from agentos.api.kit.doors import Door, choose
from agentos.api.kit.path_parameters import flask_rule, shape_of, values_by_name
from agentos.api.kit.routes import PAGE, PUBLIC, Route, Routes
from agentos.domain.principal import is_plugin_scope
from agentos.errors import InvalidRequest, PluginError
from agentos.plugins.manager import PluginReport

CORE = "core"

INDEX = "/"
"""The path of the server's index. There, a plugin may have the page for browsers; programs get the index."""


class Address:
    """One method at one path: of one route, or of several that a header of the request tells apart.

    These are doors with a ``when_header``; or the server's index and the page that a plugin has for browsers.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        # A door that asks for a header comes before the one that takes every other request.
        self.routes = sorted(routes, key=lambda route: route.door is None or route.door.when_header is None)
        self.endpoint = routes[0].endpoint

    @property
    def first(self) -> Route:
        """The route that came first, with the path that Flask is given."""
        return next(route for route in self.routes if route.endpoint == self.endpoint)

    def find(self, headers: Mapping[str, str]) -> Route | None:
        """Return the route of a request with these headers."""
        if len(self.routes) == 1:
            return self.routes[0]
        if (pages := [route for route in self.routes if is_page_alone(route)]) and wants_html(headers):
            return pages[0]
        if pages:
            return next(route for route in self.routes if route not in pages)
        return next((route for route in self.routes if route.door is not None and route.door.is_wanted(headers)), None)

    def serve(self, **path: str) -> Response:
        """Let the door that is asked for answer."""
        route = self.find(this_request().headers)  # type: ignore[arg-type]  # names of headers have no case there
        if route is None:
            headers = [str(route.door.when_header) for route in self.routes if route.door is not None]
            raise InvalidRequest(f"nothing says which protocol is meant; accepted is the header {' or '.join(headers)}")
        response = route.serve(**values_by_name(route.path_parameters, path))
        response.vary.update(str(one.door.when_header) for one in self.routes if one.door and one.door.when_header)
        if any(map(is_page_alone, self.routes)):
            response.vary.add("Accept")
        return response


class RouteTable:
    """What an application serves. Add everything first; then :meth:`install` it."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, Routes]] = []
        self._blueprints: list[tuple[str, PluginBlueprint]] = []
        self._by_endpoint: dict[str, Address] = {}
        self._declared_paths: dict[str, str] = {}

    def register(self, report: PluginReport, routes: Routes | Blueprint, *, public: Collection[str] = ()) -> None:
        """Add what a plugin brings. Raises :class:`~agentos.errors.PluginError` for what cannot be served."""
        if isinstance(routes, Routes):
            if public:
                raise PluginError(
                    f"routes {routes.tag!r} were given 'public'; each route declares access=PUBLIC itself"
                )
            self.add(routes, source=report.name)
            report.provides.append(f"routes:{routes.tag}")
        elif isinstance(routes, Blueprint):
            found = PluginBlueprint(routes, public)
            self._refuse_taken_name(found.name, report.name)
            for method, shape in found.addresses():
                self._refuse_taken_address(method, shape, report.name)
            self._blueprints.append((report.name, found))
            report.provides.append(f"blueprint:{found.name}")
        else:
            raise PluginError(
                f"{type(routes).__name__} is not accepted as routes: give agentos.web.Routes, or a Flask blueprint"
            )

    def add(self, routes: Routes, *, source: str) -> None:
        """Add declared operations. Raises :class:`~agentos.errors.PluginError`."""
        check_routes(routes)
        self._refuse_taken_name(routes.tag, source)
        for route in routes.declared:
            self._refuse_taken_address(route.method, shape_of(route.path), source, route)
        if routes.door is not None:
            self._refuse_taken_prefix(routes.door, source)
        self._routes.append((source, routes))

    def remove_source(self, source: str) -> None:
        """Take out everything that one plugin added."""
        self._routes = [entry for entry in self._routes if entry[0] != source]
        self._blueprints = [entry for entry in self._blueprints if entry[0] != source]

    @property
    def by_source(self) -> list[tuple[str, Routes]]:
        """All declared operations, by resource, each with the plugin that registered it."""
        return list(self._routes)

    @property
    def resources(self) -> list[Routes]:
        """All declared operations, by resource: the core's first, then by plugin."""
        return [routes for _, routes in self._routes]

    @property
    def operations(self) -> list[Route]:
        """All declared operations."""
        return [route for routes in self.resources for route in routes.declared]

    @property
    def doors(self) -> list[Door]:
        """The doors among them."""
        return [routes.door for routes in self.resources if routes.door is not None]

    @property
    def request_headers(self) -> list[str]:
        """The headers, or patterns of them, that doors let pages of other origins send."""
        return sorted({name for door in self.doors for name in door.request_headers})

    @property
    def response_headers(self) -> list[str]:
        """The headers that doors let such pages read."""
        ignored = {ignored_fields.HEADER} if any(route.ignores_fields for route in self.operations) else set()
        return sorted(ignored.union(*(door.response_headers for door in self.doors)))

    @property
    def scopes(self) -> list[str]:
        """The scopes that plugins declared, sorted."""
        return sorted({scope for route in self.operations for scope in route.scopes if is_plugin_scope(scope)})

    @property
    def public(self) -> frozenset[str]:
        """The endpoints that answer every client."""
        of_blueprints = frozenset[str]().union(*(blueprint.public for _, blueprint in self._blueprints))
        return self._endpoints(PUBLIC) | of_blueprints

    @property
    def pages(self) -> frozenset[str]:
        """The endpoints that need no credential where a client may reach the server at all."""
        return self._endpoints(PAGE)

    @property
    def pages_for_people(self) -> frozenset[str]:
        """Those of the pages that a link on any site may lead to: they are HTML."""
        return frozenset(address.endpoint for address in self._addresses() if is_for_people(address.first))

    @property
    def plain_endpoints(self) -> frozenset[str]:
        """The endpoints of plugins' blueprints, which read their requests by themselves."""
        return frozenset[str]().union(*(blueprint.endpoints for _, blueprint in self._blueprints))

    @property
    def first_parts(self) -> set[str]:
        """The first parts of all paths below which there is something."""
        paths = [route.path for route in self.operations]
        paths += [path for _, blueprint in self._blueprints for path in blueprint.paths]
        paths += [prefix for door in self.doors for prefix in door.prefixes]
        return {path.split("/", 2)[1] for path in paths}

    def install(self, app: Flask) -> None:
        """Have an application serve all of it."""
        for address in self._addresses():
            self._by_endpoint[address.endpoint] = address
            first = address.first
            self._declared_paths[address.endpoint] = first.path
            view = first.serve if len(address.routes) == 1 else address.serve
            rule = flask_rule(first.path, first.parameters)
            app.add_url_rule(rule, address.endpoint, view, methods=[first.method])
        for _, blueprint in self._blueprints:
            app.register_blueprint(blueprint.blueprint)
        app.extensions["agentos.routes"] = self
        app.extensions["agentos.door_of"] = self.door_of
        app.extensions["agentos.plugin_of"] = self.plugin_of

    def declared_path(self, request: Request) -> str | None:
        """Return the path of a request's operation as it is declared; ``None`` if the address is not served."""
        rule = request.url_rule
        # Of a blueprint, it is as Flask writes it.
        return None if rule is None else self._declared_paths.get(rule.endpoint, rule.rule)

    def audited_action(self, request: Request) -> str | None:
        """Return what a request does for the audit log; ``None`` for one that has no line there."""
        address = self._by_endpoint.get(request.endpoint or "")
        route = None if address is None else address.find(request.headers)  # type: ignore[arg-type]
        return None if route is None or route.method != request.method else route.audit

    def door_of(self, request: Request) -> Door | None:
        """Return the door that gives a request's errors their form."""
        endpoint = request.endpoint or _endpoint_of_another_method(request)
        if endpoint is None:
            return choose(self.doors, request.path, request.headers)  # type: ignore[arg-type]
        address = self._by_endpoint.get(endpoint)
        route = None if address is None else address.find(request.headers)  # type: ignore[arg-type]
        return None if route is None else route.door

    def plugin_of(self, request: Request) -> str | None:
        """Return the plugin that serves a request, for the log; ``None`` for what is the core's."""
        address = self._by_endpoint.get(request.endpoint or "")
        route = None if address is None else address.find(request.headers)  # type: ignore[arg-type]
        for source, routes in self._routes:
            if route is not None and route.tag == routes.tag:
                return None if source == CORE else source
        blueprints = (source for source, one in self._blueprints if request.endpoint in one.endpoints)
        return next(blueprints, None)

    def _addresses(self) -> Iterator[Address]:
        together: dict[tuple[str, str], list[Route]] = {}
        for route in self.operations:
            together.setdefault((route.method, shape_of(route.path)), []).append(route)
        return map(Address, together.values())

    def _endpoints(self, access: str) -> frozenset[str]:
        return frozenset(address.endpoint for address in self._addresses() if address.first.access == access)

    def _refuse_taken_name(self, name: str, source: str) -> None:
        for other, taken in self._routes:
            if taken.tag == name:
                _refuse(f"routes {name!r}", source, other)
        for other, blueprint in self._blueprints:
            if blueprint.name == name:
                _refuse(f"routes {name!r}", source, other)

    def _refuse_taken_address(self, method: str, shape: str, source: str, route: Route | None = None) -> None:
        for other, taken in self._routes:
            for one in taken.declared:
                if (one.method, shape_of(one.path)) == (method, shape) and not _can_share(one, route):
                    _refuse(f"{method} {one.path}", source, other)
        for other, blueprint in self._blueprints:
            if (method, shape) in blueprint.addresses():
                _refuse(f"{method} {shape}", source, other)

    def _refuse_taken_prefix(self, door: Door, source: str) -> None:
        for other, taken in self._routes:
            if other == CORE and source != CORE and any(door.covers(route.path) for route in taken.declared):
                _refuse(f"prefix {door.prefixes[0]!r}", source, other)
            if taken.door is not None and _header(taken.door) == _header(door):
                for prefix in {*taken.door.prefixes} & {*door.prefixes}:
                    _refuse(f"prefix {prefix!r} without a when_header of its own", source, other)


def _can_share(one: Route, other: Route | None) -> bool:
    """Return whether a header tells two routes of one address apart. Who may call them must not depend on it."""
    if other is not None and one.path == INDEX and not is_page_alone(one) and is_page_alone(other):
        return True
    if other is None or one.door is None or other.door is None or one.tag == other.tag:
        return False
    closed = bool(one.scopes and other.scopes)
    return _header(one.door) != _header(other.door) and (closed or one.access == other.access)


def _header(door: Door) -> str | None:
    return None if door.when_header is None else door.when_header.lower()


def _endpoint_of_another_method(request: Request) -> str | None:
    """Return an endpoint of the address that was asked for with a method that it does not have."""
    refused = request.routing_exception
    if not isinstance(refused, WrongMethod) or not refused.valid_methods:
        return None
    adapter = current_app.create_url_adapter(request)
    assert adapter is not None, "there is a request"
    endpoint, _ = adapter.match(method=sorted(refused.valid_methods)[0])
    return str(endpoint)


def _refuse(what: str, source: str, taken: str) -> NoReturn:
    raise PluginError(
        f"{what} of {source!r} is already there: {taken!r} registered it; rename one or leave one plugin out with"
        " AGENTOS_PLUGINS"
    )
