"""``GET /`` for people, and ``GET /console/assets/{asset}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from agentos.web import PAGE, NotFound, PathParameter, ResponseSpec, Routes, this_request
from agentos_console.assets import ENCODINGS, media_type, named_by_content, read_asset
from agentos_console.headers import ASSET_HEADERS, PAGE_HEADERS
from agentos_console.page import render_page
from agentos_console.settings import PATH, THEME, TITLE, read_theme


def make_routes(settings: Mapping[str, Any]) -> Routes:
    """Return the page and its files, as the settings want them."""
    path: str = settings[PATH]
    title: str = settings[TITLE]
    theme = read_theme(settings[THEME])
    assets = "/console/assets" if path == "/" else f"{path}/assets"
    own = {} if theme is None else {named_by_content("own", "css", theme): theme}

    routes = Routes(
        "console",
        "The console: a page for people.",
        path_parameters={"asset": PathParameter("The file's name.", _not_found)},
    )

    @routes.get(path, access=PAGE, responses={200: ResponseSpec("The page.", media_types=("text/html",))})
    def get_console() -> Response:
        """Open the console.

        It is public and holds no data: it asks the API for everything, with the key that is entered in it.
        """
        base = this_request().root_path.rstrip("/")
        page = render_page(title=title, base=base, assets=base + assets, theme=next(iter(own), None))
        response = Response(page, content_type="text/html; charset=utf-8", headers=PAGE_HEADERS)
        response.add_etag(weak=False)
        return _conditional(response)

    @routes.get(
        f"{assets}/{{asset}}",
        access=PAGE,
        responses={
            200: ResponseSpec(
                "The file.",
                media_types=("text/javascript", "text/css", "image/svg+xml"),
                headers={
                    "Cache-Control": "A year, `immutable`: its name changes with its content.",
                    "ETag": "The file's tag, another one for each encoding.",
                    "Vary": "`Accept-Encoding`.",
                },
            )
        },
        errors=(NotFound,),
    )
    def get_console_asset(asset: str) -> Response:
        """Read a file of the console."""
        encoding = None if asset in own else _encoding()
        content = own[asset] if asset in own else read_asset(asset, encoding)
        if content is None:
            raise _not_found(asset)
        response = Response(content, content_type=media_type(asset), headers=ASSET_HEADERS)
        response.vary.add("Accept-Encoding")
        if encoding is not None:
            response.content_encoding = encoding
        response.set_etag(f"{asset}.{encoding or 'identity'}")
        return _conditional(response)

    return routes


def _encoding() -> str | None:
    """Return what the client wants a file compressed with: the best that it accepts, Brotli where it has no wish."""
    accepted = this_request().accept_encodings
    wanted = max(ENCODINGS, key=lambda one: accepted.quality(one))  # the first of equals
    return wanted if accepted.quality(wanted) > 0 else None


def _conditional(response: Response) -> Response:
    return response.make_conditional(this_request())  # type: ignore[return-value]  # werkzeug returns the same object


def _not_found(asset: str) -> NotFound:
    return NotFound(f"there is no file {asset!r:.100}")
