"""Makes the WSGI application: the table of contents of the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from agentos.api.kit.auditing import audit_requests
from agentos.api.kit.body import BodyReader, limit_plain_bodies
from agentos.api.kit.callers import authenticate_requests
from agentos.api.kit.cors import allow_origins
from agentos.api.kit.errors import handle_errors
from agentos.api.kit.exposure import keep_strangers_out
from agentos.api.kit.middleware import OrjsonProvider, watch_requests
from agentos.api.kit.prefix import PathPrefix
from agentos.api.kit.stream_limits import StreamLimits
from agentos.api.own_plugins import OWN_PLUGINS
from agentos.api.resources import collect_routes, server_of
from agentos.bootstrap import build
from agentos.config import Config
from agentos.domain.agent import AnyAgent
from agentos.plugins.observers import Observers
from agentos.services.services import Services
from agentos.tools.tool import Tool, Toolkit


def create_app(
    config: Config | None = None,
    *,
    agents: Mapping[str, AnyAgent] | None = None,
    tools: Sequence[Tool | Toolkit | Callable[..., Any]] = (),
    plugins: Mapping[str, object] | None = None,
) -> Flask:
    """Return the application with its services in ``app.extensions["agentos"]``.

    ``plugins`` are objects with hooks, by name, beside the installed ones.

    Call it in each worker, after the fork: it opens the database. It starts no thread and leaves logging alone: the
    program calls :func:`agentos.observability.logs.configure_logging` and ``services.start()``.
    """
    config = config or Config()
    own = {**OWN_PLUGINS, **(plugins or {})}
    services = build(config, agents=agents, tools=tools, plugins=own, serving=True)
    try:
        return _application(config, services)
    except BaseException:
        services.close()
        raise


def _application(config: Config, services: Services) -> Flask:
    app = Flask("agentos", static_folder=None)
    app.extensions["agentos"] = services
    app.extensions["agentos.plugin_server"] = server = server_of(services)
    app.extensions["agentos.body"] = body = BodyReader(limit=config.max_request_size, seconds=config.request_timeout)
    app.extensions["agentos.streams"] = services.activity.streams = StreamLimits(config)
    app.json = OrjsonProvider(app)
    # A redirect to the address with or without a slash would be HTML, and would lose the body of a POST.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False

    table = collect_routes(services, server)
    public = table.public
    handle_errors(app)
    observed = Observers(services.plugins.implementations("request_finished"))
    watch_requests(
        app,
        slow=config.slow_request,
        finished=(lambda request: observed(request=request)) if observed else None,
        route_of=table.declared_path,
        begin_trace=services.begin_trace,
    )
    audit_requests(app, table.audited_action)
    keep_strangers_out(app, config, public=public, pages_for_people=table.pages_for_people)
    allow_origins(app, config, request_headers=table.request_headers, response_headers=table.response_headers)
    authenticate_requests(app, services, public=public, pages=table.pages)
    limit_plain_bodies(app, body, table.plain_endpoints)
    if config.proxy_hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=config.proxy_hops, x_proto=0, x_host=0)  # type: ignore[method-assign]
    table.install(app)
    if config.root_path or config.proxy_hops:
        app.wsgi_app = PathPrefix(  # type: ignore[method-assign]
            app.wsgi_app,
            root=config.root_path,
            names=table.first_parts,
        )
    return app
