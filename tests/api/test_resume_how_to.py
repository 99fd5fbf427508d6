"""The Python of `docs/how-to/resume-a-stream.md`, against a server whose connections do not last."""

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from agentos.models.scripted import Pause
from api.conftest import Served

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "resume-a-stream.md"
WORDS = [f"word{number} " for number in range(9)]


class Tunnel:
    """Lets the first three pieces of a stream through and then loses the connection; every third is refused."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self.streams: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ["PATH_INFO"].endswith("/events"):
            return self._app(environ, start_response)
        self.streams.append(environ["HTTP_LAST_EVENT_ID"])
        if len(self.streams) % 3 == 2:
            start_response("503 Service Unavailable", [("Content-Type", "text/html")])
            return [b"<h1>try later</h1>"]
        return self._some(self._app(environ, start_response))

    @staticmethod
    def _some(body: Any) -> Iterator[bytes]:
        try:
            yield from islice(body, 3)
        finally:
            body.close()


@pytest.fixture
def tunnel(serve) -> Iterator[tuple[Served, Tunnel, str]]:
    served = serve([step for word in WORDS for step in (word, Pause(0.3))])
    tunnel = Tunnel(served.app.wsgi_app)
    server = make_server("127.0.0.1", 0, tunnel, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield served, tunnel, f"http://127.0.0.1:{server.server_port}/api/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_client_of_the_page_gets_each_event_once(tunnel: tuple[Served, Tunnel, str]) -> None:
    served, line, url = tunnel
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    page: dict[str, Any] = {"__name__": "page"}
    exec(compile(block, PAGE.name, "exec"), page)
    page["URL"] = url
    run_id = page["start"]("scripted", "Hi")
    events = list(page["follow"](run_id))
    assert [event["type"] for event in events] == ["run_start", *["token"] * len(WORDS), "complete"]
    assert "".join(event["data"].get("token", "") for event in events) == "".join(WORDS)
    assert len(line.streams) >= 4
    assert served.ended(run_id)["content"] == "".join(WORDS)
