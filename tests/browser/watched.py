"""Pages that are watched: what a page must never do fails the test that opened it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Self
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Route

from browser.serving import Demo

LISTEN = """
addEventListener("securitypolicyviolation", event => reportViolation(
    `${event.effectiveDirective} refused ${event.blockedURI || "inline"} ${event.sample} (${event.sourceFile})`
));
"""
FAILED = re.compile(r"Failed to load resource: (?:the server responded with a status of (\d+)|net::(\w+))")


class Watched:
    """A page, and what it did that is a failure: errors, refusals by its policy, requests to other hosts.

    A status of an answer that the test wants, as 401 of a wrong key, is named with :meth:`expect_failures`.
    """

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.origin = origin
        self.failures: list[str] = []
        self.requests: list[Request] = []
        self._expected: set[str] = set()
        page.expose_binding("reportViolation", lambda _, text: self.failures.append(f"policy: {text}"))
        page.add_init_script(LISTEN)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.failures.append(f"error: {error}"))
        page.on("request", self._request)
        page.on("crash", lambda _: self.failures.append("the page crashed"))

    def expect_failures(self, *statuses: int | str) -> None:
        """Accept requests that end so: a status, or an error of the network as ``ERR_CONNECTION_REFUSED``."""
        self._expected |= {str(status) for status in statuses}

    def goto(self, path: str) -> None:
        """Go to a path of the console, as ``#/runs``."""
        self.page.goto(f"{self.origin}/{path.removeprefix('/')}")

    def check(self) -> None:
        """Raise where something happened that must not."""
        assert not self.failures, "\n".join(self.failures)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        failed = FAILED.match(message.text)
        if failed and (failed[1] or failed[2]) in self._expected:
            return
        self.failures.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        self.requests.append(request)
        if not is_own(request.url, self.origin):
            self.failures.append(f"request to another host: {request.url}")


OpenPage = Callable[..., Watched]
"""The fixture ``open_page``, which is :meth:`Pages.open`."""


class Pages:
    """Opens watched pages and closes them with the block; then what they did is checked."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._ends = ExitStack()
        self._opened: list[Watched] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        with self._ends:
            if kind is None:
                for watched in self._opened:
                    watched.check()

    def open(
        self,
        demo: Demo,
        path: str = "",
        *,
        beside: Watched | None = None,
        key: str | None = None,
        width: int = 1280,
        height: int = 800,
        dark: bool = False,
        **options: Any,
    ) -> Watched:
        """Open a path of the console; ``beside`` is a page of which the new one is another tab.

        With ``key``, the key of this name is given as a person does it.
        """
        if beside is None:
            context = self._browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
                locale="en-GB",
                timezone_id="UTC",
                **options,
            )
            context.set_default_timeout(20_000)
            self._ends.callback(context.close)
            _keep_home(context, demo.url)
        else:
            context = beside.page.context
        watched = Watched(context.new_page(), demo.url)
        self._opened.append(watched)
        if key is not None:
            watched.expect_failures(401)
        watched.goto(path)
        if key is not None:
            log_in(watched.page, demo.keys[key])
        return watched


def log_in(page: Page, key: str) -> None:
    """Give a key, as a person does it."""
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name=re.compile("^(Continue|Log in)$")).click()


def is_own(url: str, origin: str) -> bool:
    """Say whether an address is of the server itself, or of no server at all."""
    asked = urlsplit(url)
    return asked.scheme in ("data", "blob", "about") or f"{asked.scheme}://{asked.netloc}" == origin


def _keep_home(context: BrowserContext, origin: str) -> None:
    """Refuse requests to other hosts, so that a test which finds one sends nothing."""

    def refuse(route: Route) -> None:
        route.abort("blockedbyclient")

    context.route(lambda url: not is_own(url, origin), refuse)
