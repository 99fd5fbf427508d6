"""The root of the server: a page for a browser, a short index for a program. Neither names an agent."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from shlex import quote

from flask import Response, current_app, url_for

from agentos._version import __version__
from agentos.api.kit.accepting import wants_html
from agentos.api.kit.current import this_request
from agentos.api.kit.routes import PAGE, ResponseSpec, Routes, json_response, services
from agentos.api.system.schemas import IndexSchema

routes = Routes("index", "What this server is, and where its documentation is.")

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:3rem auto;padding:0 1rem;color:#1c1e21;"
    "background:#fff}pre{background:#f2f3f5;padding:.75rem;overflow-x:auto}a{color:#0b57d0}"
    "@media(prefers-color-scheme:dark){body{color:#e4e6eb;background:#18191a}pre{background:#242526}a{color:#8ab4f8}}"
)

# The page's own style is allowed by its hash, so that no other style and no script at all can run in it.
POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>AgentOS</title>
<style>{style}</style>
</head>
<body>
<h1>AgentOS {version}</h1>
<p>A server for AI agents.</p>
<ul>
{links}
</ul>
<p>List the agents:</p>
<pre>{list_agents}</pre>
<p>Run one of them; replace <code>AGENT_ID</code> by its id:</p>
<pre>{run_agent}</pre>
</body>
</html>
"""

LINKS = {"docs": "API documentation", "openapi": "OpenAPI document", "health": "Health"}

VARY = {"Vary": "Accept"}


@routes.get(
    "/",
    access=PAGE,
    responses={
        200: ResponseSpec(
            "The index, or the page for a browser.",
            IndexSchema,
            media_types=("application/json", "text/html"),
            headers={"Vary": "The answer depends on `Accept`."},
        )
    },
)
def get_index() -> Response:
    """Read what this server is and where its documentation is."""
    documented = "docs.get_docs" in current_app.view_functions  # that plugin can be left out
    paths = {
        **({"docs": url_for("docs.get_docs"), "openapi": url_for("docs.get_openapi")} if documented else {}),
        "health": url_for("health.get_health"),
        "ready": url_for("health.get_readiness"),
        "agents": url_for("agents.list_agents"),
    }
    if wants_html(this_request().headers):  # type: ignore[arg-type]  # names of headers have no case there
        return _page(paths)
    return json_response({"service": "agentos", "version": __version__, "paths": paths}, headers=VARY)


def _page(paths: dict[str, str]) -> Response:
    key = ' -H "Authorization: Bearer $KEY"' if services().config.auth else ""
    # The address as this client sees it; a path prefix is in the paths already.
    origin = this_request().host_url.rstrip("/")
    agents = quote(f"{origin}{paths['agents']}")
    run = quote(f"{origin}{paths['agents']}/AGENT_ID/run")
    body = """-H 'Content-Type: application/json' -d '{"input": "Hello"}'"""
    page = DOCUMENT.format(
        style=STYLE,
        version=escape(__version__),
        list_agents=escape(f"curl -s {agents}{key}"),
        run_agent=escape(f"curl -s {run}{key} {body}"),
        links="\n".join(
            f'<li><a href="{escape(paths[name])}">{label}</a></li>' for name, label in LINKS.items() if name in paths
        ),
    )
    headers = {
        **VARY,
        "Content-Security-Policy": POLICY,
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        # It holds the address that the client named: a shared cache must not give it to another client.
        "Cache-Control": "no-store",
    }
    return Response(page, headers=headers, content_type="text/html; charset=utf-8")
