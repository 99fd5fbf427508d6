"""Attachments over HTTP: what is refused before a run begins, and what is brought in for the model."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from agentos import Agent, Delta, Finish, Media, ModelProvider, ModelRequest, TextDelta, hookimpl
from agentos.errors import InvalidMedia
from api.conftest import Serve
from parts.site import PICTURE, Site

RUN = "/api/v1/agents/scripted/run"
BYTES = base64.b64encode(PICTURE).decode()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


def image(url: str) -> dict[str, str]:
    return {"type": "image", "url": url}


def test_a_picture_is_brought_in_for_the_model_and_shown_by_its_address(serve: Serve, site: Site) -> None:
    served = serve(media_fetch=True, media_hosts=("127.0.0.1",))
    session = served.new_session()
    given = image(f"{site.url}/picture")
    answer = served.run("See", session, media=given)
    shown = {**given, "content_type": "image/png", "size": len(PICTURE)}
    assert answer.json["metadata"]["media"] == [shown]
    assert served.client.get(f"/api/v1/sessions/{session}/history").json["messages"][0]["media"] == [shown]
    assert served.client.get(f"/api/v1/runs/{answer.json['run_id']}").json["media"] == [shown]
    served.run("And now?", session)
    assert len(served.provider.requests) == 2
    for request in served.provider.requests:
        (attached,) = (media for message in request.messages for media in message.media)
        assert (attached.url, attached.data) == (given["url"], BYTES)
    assert len(site.requests) == 1
    assert BYTES not in served.client.get(f"/api/v1/runs/{answer.json['run_id']}/events").text


def test_a_repeated_request_fetches_nothing_again(serve: Serve, site: Site) -> None:
    served = serve(media_fetch=True, media_hosts=("127.0.0.1",))
    body = {"input": "See", "media": image(f"{site.url}/picture")}
    answers = [served.client.post(RUN, json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert len(site.requests) == 1


def test_without_the_setting_the_model_is_given_the_address(serve: Serve, site: Site) -> None:
    served = serve(media_hosts=("127.0.0.1",))
    served.run("See", media=image(f"{site.url}/picture"))
    (attached,) = served.provider.requests[0].messages[-1].media
    assert (attached.url, attached.data) == (f"{site.url}/picture", None)
    assert site.connections == 0


class OnlyBytes(ModelProvider):
    """Takes files, but by their bytes alone, as Chat Completions does."""

    media_types: ClassVar = frozenset({"file"})

    def check_media(self, media: Media) -> None:
        super().check_media(media)
        if media.data is None:
            raise InvalidMedia("files reach this model only as 'data'")

    def stream(self, request: ModelRequest) -> Iterator[Delta]:
        yield TextDelta(base64.b64decode(request.messages[-1].media[0].data or "").decode())
        yield Finish("stop")


def test_a_model_that_takes_bytes_alone_takes_what_was_brought_in(serve: Serve, site: Site) -> None:
    class Models:
        @hookimpl
        def register_model_providers(self, register: Any) -> None:
            register("bytes", lambda config: OnlyBytes())

    agents = {"reader": Agent(id="reader", model="bytes:x")}
    plugins = {"bytes": Models()}
    body = {"media": {"type": "file", "url": f"{site.url}/hello"}}
    fetching = serve(agents=agents, plugins=plugins, media_fetch=True, media_hosts=("127.0.0.1",))
    assert fetching.client.post("/api/v1/agents/reader/run", json=body).json["content"] == "hello"
    naming = serve(agents=agents, plugins=plugins, media_hosts=("127.0.0.1",))
    assert naming.client.post("/api/v1/agents/reader/run", json=body).json["code"] == "INVALID_MEDIA"


def test_what_a_model_does_not_take_is_refused_though_it_can_be_fetched(serve: Serve, site: Site) -> None:
    served = serve(media_fetch=True, media_hosts=("127.0.0.1",))
    answer = served.run("Hear", media={"type": "audio", "url": f"{site.url}/picture?audio/wav"})
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_MEDIA")
    assert "does not reach this model" in answer.json["message"]


@pytest.mark.parametrize("more", [{}, {"stream": True}, {"background": True}])
def test_what_cannot_be_fetched_is_refused_before_the_run_begins(
    serve: Serve, site: Site, more: dict[str, bool]
) -> None:
    served = serve(media_fetch=True, media_hosts=("127.0.0.1",))
    answer = served.run("See", media=[image(f"{site.url}/picture"), image(f"{site.url}/status?404")], **more)
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_MEDIA")
    assert answer.json["message"] == "media[1].url cannot be fetched: the server answered with status 404"
    assert served.client.get("/api/v1/runs").json["runs"] == []


@pytest.mark.parametrize("fetch", [True, False])
@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("127.0.0.1", "public internet"),
        ("127.1", "four decimal numbers"),
        ("0x7f000001", "four decimal numbers"),
        ("2130706433", "four decimal numbers"),
        ("\u2460\u2461\u2466.0.0.1", "public internet"),
        ("localhost", "internal network"),
        ("LOCALHOST.", "internal network"),
        ("[::1]", "public internet"),
        ("[::ffff:7f00:1]", "public internet"),
        ("[64:ff9b::7f00:1]", "public internet"),
        ("[2002:7f00:1::]", "public internet"),
        ("169.254.169.254", "public internet"),
        ("example.com@127.0.0.1", "user name or password"),
    ],
)
def test_this_machine_is_no_place_for_attachments(serve: Serve, site: Site, host: str, words: str, fetch: bool) -> None:
    served = serve(media_fetch=fetch)
    answer = served.run("See", media=image(f"http://{host}:{site.port}/picture"))
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_MEDIA")
    assert words in answer.json["message"]
    assert site.connections == 0


@pytest.mark.parametrize(
    ("settings", "media", "words"),
    [
        ({"max_attachments": 1}, [image("https://a.test/")] * 2, "2 attachments are too many; at most 1"),
        ({"max_attachments": 0}, image("https://a.test/"), "at most 0"),
        ({}, [image("https://a.test/")] * 1001, "1001 attachments are too many; at most"),
        (
            {"max_attachment_size": 1024},
            {"type": "image", "data": base64.b64encode(bytes(1025)).decode(), "content_type": "image/png"},
            "media[0].data has 1025 bytes; at most 1024",
        ),
        ({}, {"type": "image", "data": "é", "content_type": "image/png"}, "media[0].data is not base64"),
        ({"media_hosts": ("a.test",)}, image("https://b.test/"), "accepted are a.test"),
        ({"media_hosts_denied": ("*.b.test",)}, image("https://a.b.test/"), "'a.b.test' is not allowed here"),
    ],
)
def test_the_settings_decide(serve: Serve, settings: dict[str, Any], media: Any, words: str) -> None:
    answer = serve(**settings).run("See", media=media)
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_MEDIA")
    assert words in answer.json["message"]
