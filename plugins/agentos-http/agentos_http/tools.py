"""The tools themselves: a request as a model writes it, an answer as a model can read it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from agentos import Bounds, OutboundAnswer, OutboundClient, ToolContext, Toolkit, tool

MAX_TEXT = 20_000
"""Characters of an answer that a model is shown."""
MAX_BODY = 256 * 1024
MAX_URL_LENGTH = 8192

Url = Annotated[str, Bounds(min_length=1, max_length=MAX_URL_LENGTH)]
Body = Annotated[str, Bounds(max_length=MAX_BODY)]
Headers = dict[str, str]

_TEXT_TYPES = re.compile(
    r"text/.*|application/(?:json|xml|javascript|ecmascript|yaml|x-yaml|toml|x-www-form-urlencoded|x-ndjson|sql|.*\+(?:json|xml|yaml))"
)
# A server names the decoder, and Python has some that are slow, or no text's, on purpose.
_CHARSETS = re.compile(
    r"utf-?8|utf-?16(?:le|be)?|us-ascii|iso-8859-\d{1,2}|windows-125\d|koi8-[ru]|shift_jis|euc-(?:jp|kr)|iso-2022-jp"
    r"|gb2312|gbk|gb18030|big5"
)


class HttpTools(Toolkit):
    """HTTP requests by one client, and so within one policy."""

    def __init__(self, client: OutboundClient) -> None:
        self._client = client

    @tool
    def http_get(self, url: Url, context: ToolContext, headers: Headers | None = None) -> dict[str, Any]:
        """Fetch a web page or an API's answer with GET.

        Args:
            url: The full address, beginning with http:// or https://.
            headers: Headers to send, for example {"Accept": "application/json"}.
        """
        return self._fetch("GET", url, context, headers)

    @tool
    def http_post(
        self,
        url: Url,
        context: ToolContext,
        body: Body = "",
        content_type: str = "application/json",
        headers: Headers | None = None,
    ) -> dict[str, Any]:
        """Send data to an address with POST and return the answer.

        Args:
            url: The full address, beginning with http:// or https://.
            body: What to send, as text; JSON for most APIs.
            content_type: The type of the body.
            headers: Further headers to send.
        """
        return self._fetch("POST", url, context, headers, body, content_type)

    @tool
    def http_put(
        self,
        url: Url,
        context: ToolContext,
        body: Body = "",
        content_type: str = "application/json",
        headers: Headers | None = None,
    ) -> dict[str, Any]:
        """Replace what is at an address with PUT and return the answer.

        Args:
            url: The full address, beginning with http:// or https://.
            body: What to send, as text; JSON for most APIs.
            content_type: The type of the body.
            headers: Further headers to send.
        """
        return self._fetch("PUT", url, context, headers, body, content_type)

    @tool
    def http_delete(self, url: Url, context: ToolContext, headers: Headers | None = None) -> dict[str, Any]:
        """Delete what is at an address with DELETE and return the answer.

        Args:
            url: The full address, beginning with http:// or https://.
            headers: Headers to send.
        """
        return self._fetch("DELETE", url, context, headers)

    def _fetch(
        self,
        method: str,
        url: str,
        context: ToolContext,
        headers: Headers | None,
        body: str | None = None,
        content_type: str = "",
    ) -> dict[str, Any]:
        sent = dict(headers or {})
        if body is not None and not any(name.lower() == "content-type" for name in sent):
            sent["Content-Type"] = content_type
        answer = self._client.fetch(
            method,
            url,
            headers=sent,
            body=None if body is None else body.encode(),
            deadline=context.deadline,
            cancellation=context.cancellation,
        )
        return describe(answer)


def describe(answer: OutboundAnswer) -> dict[str, Any]:
    """Return an answer as a model is shown it: text up to a bound, other bodies by their type and size."""
    shown: dict[str, Any] = {"url": answer.url, "status": answer.status, "content_type": answer.content_type}
    text = _text_of(answer)
    if text is None:
        size = f"{'more than ' if answer.truncated else ''}{len(answer.body)} bytes"
        shown["body"] = f"not shown: {size} that are no text"
        return shown
    shown["text"] = text[:MAX_TEXT].replace("\0", "�")
    if answer.truncated or len(text) > MAX_TEXT:
        shown["truncated"] = f"only the first {min(len(text), MAX_TEXT)} characters are shown"
    return shown


def _text_of(answer: OutboundAnswer) -> str | None:
    kind, _, parameters = answer.content_type.lower().partition(";")
    named = re.search(r"charset\s*=\s*[\"']?([\w-]+)", parameters)
    charset = named[1] if named and _CHARSETS.fullmatch(named[1]) else "utf-8"
    if _TEXT_TYPES.fullmatch(kind.strip()):
        return _decode(answer.body, charset)
    if kind.strip() in ("", "application/octet-stream") and b"\0" not in answer.body:
        text = _decode(answer.body, charset)
        return None if "�" in text[:-1] else text
    return None


def _decode(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset, "replace")
    except LookupError:  # iso-8859-12, for example
        return body.decode("utf-8", "replace")
