"""A canary on loopback that everybody tries to reach: models through a tool, clients through attachments."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_network
from typing import Any

import pytest
from agentos_http.tools import HttpTools

from agentos import (
    Agent,
    Config,
    Delta,
    Finish,
    Media,
    ModelProvider,
    ModelRequest,
    OutboundClient,
    OutboundPolicy,
    OutboundRefused,
    TextDelta,
    ToolCallDelta,
    create_app,
    hookimpl,
)
from agentos.errors import InvalidMedia
from agentos.media.fetching import MediaFetcher
from agentos.media.policy import MediaPolicy
from parts.site import Names, Site

HOSTS = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "017700000001",
    "0177.0.0.01",
    "127.000.000.001",
    "127.0.0.1.0",
    "0",
    "0.0.0.0",
    "127.0.0.3",
    "%31%32%37.0.0.1",
    "\uff11\uff12\uff17.0.0.1",
    "127\u30020\u30020\u30021",
    "127\uff0e0\uff0e0\uff0e1",
    "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
    "\u0661\u0662\u0667.0.0.1",
    "127.0.0.1\u200b",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "\uff4cocalhost",
    "ip6-localhost",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:0:0:0:0:80ff:fffe]",
    "[fe80::5efe:127.0.0.1]",
    "[::1%25lo]",
    "[127.0.0.1]",
    "inside.test",
    "six.test",
    "mapped.test",
    "zero.test",
    "translated.test",
    "sixtofour.test",
    "mixed.test",
]
URLS = [
    *(f"http://{host}:PORT/picture" for host in HOSTS),
    "https://127.0.0.1:PORT/",
    "http://user@127.0.0.1:PORT/",
    "http://outside.test@127.0.0.1:PORT/",
    "http://outside.test:80@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT@outside.test:PORT/",
    "http://outside.test%40127.0.0.1:PORT/",
    "http://outside.test:PORT\\@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT\\@outside.test:PORT/",
    "http:\\\\127.0.0.1:PORT/",
    "http://127.0.0.1:PORT:PORT/",
    "http://127.0.0.1 :PORT/",
    "\thttp://127.0.0.1:PORT/",
    "ht\ntp://127.0.0.1:PORT/",
    "http://127.0.0.1:PORT/\r\nHost: outside.test",
    "http://outside.test:PORT/\r\nHost: 127.0.0.1\r\n\r\nGET / HTTP/1.1",
    "http:127.0.0.1:PORT/",
    "http:/127.0.0.1:PORT/",
    "http:///127.0.0.1:PORT/",
    "//127.0.0.1:PORT/",
    "127.0.0.1:PORT",
    "file:///etc/passwd",
    "file://127.0.0.1:PORT/",
    "ftp://127.0.0.1:PORT/",
    "gopher://127.0.0.1:PORT/_GET%20/%20HTTP/1.0%0d%0a%0d%0a",
    "dict://127.0.0.1:PORT/",
    "jar:http://127.0.0.1:PORT/!/",
    "data:image/png;base64,AAAA",
    "unix:///var/run/docker.sock",
    *(f"http://outside.test:PORT/redirect?302,http://{host}:PORT/picture" for host in HOSTS if host.isascii()),
    "http://outside.test:PORT/redirect?307,//127.0.0.1:PORT/",
    "http://outside.test:PORT/redirect?301,http://user@127.0.0.1:PORT/",
    "http://outside.test:PORT/redirect?303,http://outside.test@127.0.0.1:PORT/",
    "http://outside.test:PORT/redirect?308,file:///etc/passwd",
    "http://outside.test:PORT/redirect?302,gopher://127.0.0.1:PORT/",
    "http://outside.test:PORT/redirect?302,/redirect?302,http://inside.test:PORT/",
]
LOOK_ALIKES = [
    "http://outside.test:PORT/picture#@127.0.0.1:PORT/",
    "http://outside.test:PORT/picture?@127.0.0.1:PORT/",
    "http://outside.test:PORT/picture#http://127.0.0.1:PORT/",
    "http://outside.test:PORT/picture?url=http://127.0.0.1:PORT/",
    "http://OUTSIDE.test.:PORT/picture",
]
Door = Callable[[str], str]


class Asker(ModelProvider):
    """Fetches what the user says, and says what came of it."""

    def stream(self, request: ModelRequest) -> Iterator[Delta]:
        last = request.messages[-1]
        if last.role == "tool":
            yield TextDelta(last.content)
            yield Finish("stop")
            return
        arguments = json.dumps({"url": last.content})
        yield ToolCallDelta(index=0, id="call", name="http_get", arguments=arguments)
        yield Finish("tool_calls")


class Stage:
    """The canary, and a server beside it that stands for the public web; a resolver; the doors to try."""

    def __init__(self) -> None:
        self.outside = Site("127.0.0.2")
        self.canaries = [Site("127.0.0.1", self.outside.port)]
        with suppress(OSError):
            self.canaries.append(Site("::1", self.outside.port))

    @property
    def hits(self) -> int:
        return sum(canary.connections for canary in self.canaries)

    def client(self, **policy: Any) -> OutboundClient:
        """Return a client that is kept out by the addresses alone; every other limit is off."""
        opened = {"ports": None, "allow_networks": (ip_network("127.0.0.2/32"),), **policy}
        names = Names(
            {
                "outside.test": [["127.0.0.2"]],
                "inside.test": [["127.0.0.1"]],
                "six.test": [["::1"]],
                "mapped.test": [["::ffff:127.0.0.1"]],
                "zero.test": [["0.0.0.0"]],
                "translated.test": [["64:ff9b::7f00:1"]],
                "sixtofour.test": [["2002:7f00:1::"]],
                "mixed.test": [["127.0.0.2", "127.0.0.1"]],
                "rebound.test": [["127.0.0.2"], ["127.0.0.1"]],
                "localhost": [["127.0.0.1", "::1"]],
                "ip6-localhost": [["::1"]],
            }
        )
        return OutboundClient(policy=OutboundPolicy(**opened), resolver=names, timeout=5)

    def url(self, text: str) -> str:
        return text.replace("PORT", str(self.outside.port))

    def close(self) -> None:
        for site in (self.outside, *self.canaries):
            site.close()


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    try:
        stage = Stage()
    except OSError as error:
        pytest.skip(f"only 127.0.0.1 is this machine's here: {error}")
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def ask(stage: Stage) -> Iterator[Door]:
    """The door of models: an agent on a server, whose model calls the tool with what it is told."""

    class Models:
        @hookimpl
        def register_model_providers(self, register: Any) -> None:
            register("asker", lambda config: Asker())

    reader = Agent(id="reader", model="asker:x", tools=[HttpTools(stage.client())])
    config = Config(database_url="memory://", plugins=(), assistant=False, environ={})
    app = create_app(config, agents={"reader": reader}, plugins={"models": Models()})

    def ask(url: str) -> str:
        answer = app.test_client().post("/api/v1/agents/reader/run", json={"input": url})
        return str(answer.get_json()["content"])

    yield ask
    app.extensions["agentos"].drain(0)
    app.extensions["agentos"].close()


def attach(url: str, client: OutboundClient) -> Media:
    """Go through the door of clients: an attachment that is brought in."""
    fetcher = MediaFetcher(Config(media_fetch=True, environ={}), client=client)
    (brought,) = fetcher.fetch((Media("image", url=url),), deadline=time.monotonic() + 5)
    return brought


@pytest.mark.parametrize("url", URLS)
def test_no_model_reaches_this_machine_through_a_tool(stage: Stage, ask: Door, url: str) -> None:
    said = ask(stage.url(url))
    assert "OutboundRefused: " in said
    assert stage.hits == 0


@pytest.mark.parametrize("url", URLS)
def test_no_client_reaches_this_machine_through_an_attachment(stage: Stage, url: str) -> None:
    with pytest.raises(InvalidMedia, match=r"^media\[0\]\.url cannot be fetched") as refused:
        attach(stage.url(url), stage.client())
    assert isinstance(refused.value.__cause__, OutboundRefused)
    assert stage.hits == 0


@pytest.mark.parametrize("url", [url for url in URLS if not re.match(r"http://\w+\.test:PORT/(picture|redirect)", url)])
def test_an_attachment_in_here_is_refused_by_its_text_when_somebody_else_fetches_it(url: str) -> None:
    with pytest.raises(InvalidMedia, match=r"^media\[0\]\.url is "):
        MediaPolicy(Config(environ={})).check([Media("image", url=url.replace("PORT", "8000"))])


@pytest.mark.parametrize("url", LOOK_ALIKES)
def test_what_only_looks_as_if_it_led_here_is_fetched_from_where_it_leads(stage: Stage, ask: Door, url: str) -> None:
    before = len(stage.outside.requests)
    assert '"status":200' in ask(stage.url(url)).replace(" ", "")
    assert attach(stage.url(url), stage.client()).content_type == "image/png"
    assert len(stage.outside.requests) == before + 2
    assert stage.hits == 0


def test_a_name_that_leads_here_the_second_time_is_asked_for_once(stage: Stage) -> None:
    url = stage.url("http://rebound.test:PORT/picture")
    assert attach(url, stage.client()).content_type == "image/png"
    assert stage.client().fetch("GET", url).status == 200
    assert stage.hits == 0


def test_a_redirect_to_the_same_name_is_checked_again(stage: Stage) -> None:
    client = stage.client()
    with pytest.raises(OutboundRefused, match="public internet"):
        client.fetch("GET", stage.url("http://rebound.test:PORT/redirect?302,http://rebound.test:PORT/"))
    assert stage.hits == 0


def test_the_canary_sings_when_it_is_let_out(stage: Stage) -> None:
    """Without this, a canary that is deaf would pass for one that is safe."""
    client = stage.client(allow_private=True)
    for number, host in enumerate(("127.0.0.1", "inside.test", "localhost"), start=1):
        assert client.fetch("GET", stage.url(f"http://{host}:PORT/")).body == b"hello"
        assert stage.hits == number
    for canary in stage.canaries:
        canary.connections = 0
