"""The agents of the server, as models."""

from __future__ import annotations

import anthropic
import httpx2
import pytest


def test_models_are_listed_and_found(client: anthropic.Anthropic) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert {"helper", "closed", "clerk"} <= set(listed)
    found = client.models.retrieve("helper")
    assert found == listed["helper"]
    assert (found.type, found.display_name) == ("model", "Helper")


def test_models_are_listed_in_pages(client: anthropic.Anthropic) -> None:
    every = [model.id for model in client.models.list()]
    assert len(every) >= 3
    first = client.models.list(limit=1)
    assert ([model.id for model in first.data], first.has_more) == (every[:1], True)
    assert [model.id for model in first] == every
    assert [model.id for model in client.models.list(after_id=every[0], limit=1).data] == every[1:2]
    assert [model.id for model in client.models.list(before_id=every[2], limit=1).data] == every[1:2]


def test_models_are_listed_in_a_loop(in_loop) -> None:
    async def names(client: anthropic.AsyncAnthropic) -> list[str]:
        return [model.id async for model in client.models.list(limit=2)]

    assert "helper" in in_loop(names)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/helper"])
def test_the_version_header_tells_the_apis_apart(url: str, key: str, path: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    of_openai = httpx2.get(f"{url}{path}", headers=headers).json()
    of_anthropic = httpx2.get(f"{url}{path}", headers={**headers, "anthropic-version": "2023-06-01"}).json()
    assert ("object" in of_openai, "object" in of_anthropic) == (True, False)
