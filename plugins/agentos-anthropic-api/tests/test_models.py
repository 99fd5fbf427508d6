"""The agents as models, beside another door's; and the estimate of tokens."""

from __future__ import annotations

from typing import Any

import pytest

from agentos import Agent
from agentos.testing import PIXEL
from parts.anthropic_door import VERSION, WEATHER, Door, MakeDoor

SHOPS = [Agent(id=f"shop-{number}", model="test:m", name=f"Shop {number}") for number in range(5)]
USER: Any = {"role": "user", "content": "Hi"}


def test_each_agent_is_a_model(make_door: MakeDoor) -> None:
    client = make_door(*SHOPS).client()
    shop = client.models.retrieve("shop-3")
    assert (shop.id, shop.type, shop.display_name, shop.lifecycle) == ("shop-3", "model", "Shop 3", "active")
    assert shop in list(client.models.list())


def test_the_list_is_read_in_pages(make_door: MakeDoor) -> None:
    client = make_door(*SHOPS).client()
    ids = [model.id for model in client.models.list(limit=1000)]
    assert [model.id for model in client.models.list(limit=2)] == ids
    assert [model.id for model in client.models.list(limit=2, before_id=ids[-1])][:2] == ids[-3:-1]
    page = client.models.list(limit=2, after_id=ids[0])
    assert ([model.id for model in page.data], page.first_id, page.last_id) == (ids[1:3], ids[1], ids[2])


@pytest.mark.parametrize("query", ["after_id=none", "before_id=none", "limit=0", "after_id=shop-1&before_id=shop-2"])
def test_a_wrong_page_is_a_bad_request(make_door: MakeDoor, query: str) -> None:
    answer = make_door(*SHOPS).http.get(f"/v1/models?{query}", headers=VERSION)
    assert (answer.status_code, answer.json["error"]["type"]) == (400, "invalid_request_error")
    assert query.split("&")[-1].split("=")[0] in answer.json["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/shop-1"])
def test_the_header_tells_two_doors_apart(make_door: MakeDoor, path: str) -> None:
    http = make_door(*SHOPS, installed=["anthropic-api", "openai-api"]).http
    theirs, other = http.get(path, headers=VERSION), http.get(path)
    assert "anthropic-version" in theirs.headers["Vary"].lower()
    if path.endswith("models"):
        assert ("object" in theirs.json, "object" in other.json) == (False, True)
    else:
        assert (theirs.json["type"], other.json["object"]) == ("model", "model")


def test_errors_of_two_doors_have_their_own_form(make_door: MakeDoor) -> None:
    http = make_door(*SHOPS, installed=["anthropic-api", "openai-api"]).http
    theirs, other = http.get("/v1/models/none", headers=VERSION), http.get("/v1/models/none")
    assert (theirs.json["error"]["type"], other.json["error"]["code"]) == ("not_found_error", "model_not_found")
    theirs, other = http.get("/v1/nothing", headers=VERSION), http.get("/v1/nothing")
    assert (theirs.json["type"], "type" in other.json) == ("error", False)
    assert http.post("/v1/messages", json={}).json["type"] == "error"  # also without the header


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_probe_of_the_server_is_answered(door: Door, method: str) -> None:
    assert door.http.open("/", method=method).status_code == 200


def count(door: Door, **fields: Any) -> int:
    return door.client().messages.count_tokens(**{"model": "shop", "messages": [USER], **fields}).input_tokens


def test_tokens_are_estimated_and_the_answer_says_so(door: Door) -> None:
    body = {"model": "shop", "messages": [USER]}
    answer = door.http.post("/v1/messages/count_tokens?beta=true", json=body, headers=VERSION)
    assert answer.json == {"input_tokens": 7, "estimated": True}
    assert door.http.get("/api/v1/runs").json["runs"] == []


def test_all_that_the_model_reads_counts(door: Door) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL.data}}
    plain = count(door)
    assert count(door, system="x" * 400) == plain + 100
    assert count(door, messages=[{"role": "user", "content": "Hi" + "x" * 400}]) == plain + 100
    assert count(door, tools=[WEATHER]) > plain + 20
    assert count(door, messages=[{"role": "user", "content": [{"type": "text", "text": "Hi"}, image]}]) == plain + 1500


@pytest.mark.parametrize(
    "last",
    [
        {"role": "assistant", "content": "Hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}]},
    ],
)
def test_a_conversation_that_ends_with_the_agent_is_counted_too(door: Door, last: Any) -> None:
    assert count(door, messages=[USER, last]) > count(door)
