"""The specification and its page. The page loads nothing from anywhere else."""

from __future__ import annotations

import logging
import threading
import time
from functools import cache
from importlib.resources import files

from flask import Response, current_app, request, url_for

from agentos.api.kit.path_parameters import PathParameter
from agentos.api.kit.route_table import RouteTable
from agentos.api.kit.routes import PAGE, ResponseSpec, Routes
from agentos.errors import NotFound
from agentos.fair_lock import LOOP_TURN

routes = Routes(
    "docs",
    "This document, and its page.",
    path_parameters={
        "asset": PathParameter("The file's name.", lambda name: NotFound(f"there is no file {name!r:.100}"))
    },
)

# Swagger UI sets styles of its own, and has its icons as data: addresses.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>AgentOS API</title>
<link rel="icon" href="{docs}/favicon-32x32.png">
<link rel="stylesheet" href="{docs}/swagger-ui.css">
</head>
<body>
<div id="api" data-document="{document}"></div>
<script src="{docs}/swagger-ui-bundle.js"></script>
<script src="{docs}/start.js"></script>
</body>
</html>
"""

# Without validatorUrl, Swagger UI asks a server on the internet to check the document.
START = """SwaggerUIBundle({
  url: document.getElementById("api").dataset.document,
  dom_id: "#api",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""

SERVER = b"\n- url: /\n"
"""Where the document says that the API is."""

DOCUMENT_KEY = "agentos.openapi"

_rendering = threading.Lock()

logger = logging.getLogger(__name__)

ASSETS = {
    "favicon-32x32.png": "image/png",
    "start.js": "text/javascript; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
}


@routes.get(
    "/openapi.yaml",
    access=PAGE,
    responses={200: ResponseSpec("The OpenAPI document.", media_types=("application/yaml",))},
)
def get_openapi() -> Response:
    """Read the specification of this API."""
    document = _document(current_app.extensions["agentos.routes"])
    if request.root_path:  # what the address begins with behind a proxy; a prefix needs no quotes in YAML
        document = document.replace(SERVER, b"\n- url: %b\n" % request.root_path.encode(), 1)
    return Response(document, content_type="application/yaml")


@routes.get("/docs", access=PAGE, responses={200: ResponseSpec("The page.", media_types=("text/html",))})
def get_docs() -> Response:
    """Read the specification as a page."""
    headers = {
        "Content-Security-Policy": POLICY,
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
    }
    page = DOCUMENT.format(docs=url_for("docs.get_docs"), document=url_for("docs.get_openapi"))
    return Response(page, headers=headers, content_type="text/html; charset=utf-8")


@routes.get(
    "/docs/{asset}",
    access=PAGE,
    responses={
        200: ResponseSpec("The file.", media_types=("text/javascript", "text/css", "image/png")),
    },
    errors=(NotFound,),
)
def get_docs_asset(asset: str) -> Response:
    """Read a file that the page needs."""
    if asset not in ASSETS:
        raise NotFound(f"there is no file {asset!r:.100}")
    return Response(_asset(asset), content_type=ASSETS[asset], headers={"Cache-Control": "max-age=3600"})


def _document(table: RouteTable) -> bytes:
    """Return what this application serves, rendered at the first request for it."""
    with _rendering:
        found: bytes | None = current_app.extensions.get(DOCUMENT_KEY)
        if found is None:
            current_app.extensions[DOCUMENT_KEY] = found = _render(table).encode()
    return found


def _render(table: RouteTable) -> str:
    # What it is rendered with is a few megabytes that most workers never need.
    from agentos.api.kit.openapi_yaml import render_yaml

    def pause() -> None:
        time.sleep(LOOP_TURN)  # it takes a third of a second; other requests have their turns meanwhile

    try:
        return render_yaml(table.resources, pause=pause)
    except Exception:  # noqa: BLE001  # a plugin's schemas may be anything; only now a search for them is worth it
        logger.warning("the document cannot be written with all plugins")
    kept = []
    for source, one in table.by_source:
        try:
            render_yaml([one], pause=pause)
        except Exception:
            logger.exception("operations cannot be described", extra={"plugin": source, "routes": one.tag})
        else:
            kept.append(one)
    return render_yaml(kept, pause=pause)


@cache
def _asset(name: str) -> bytes:
    return START.encode() if name == "start.js" else (files("flask_swagger_ui") / "dist" / name).read_bytes()
