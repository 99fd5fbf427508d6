"""What an agent in code may add to its model's requests: headers, query and body, but never a secret."""

from typing import Any

import pytest

from agentos.domain.agent import Agent
from agentos.domain.secret_names import is_secret_name
from agentos.errors import InvalidRequest


def agent(**parameters: Any) -> Agent:
    return Agent(id="a", model="groq:m", parameters=parameters)


SECRET_HEADERS = [
    *("Authorization", "authorization", "Proxy-Authorization", "api-key", "API_KEY", "x-api-key", "apikey", "X-ApiKey"),
    *("Cookie", "Set-Cookie", "X-Auth-Token", "X-Access-Token", "x-goog-api-key", "Ocp-Apim-Subscription-Key"),
    *("X-Amz-Security-Token", "cf-access-client-secret", "X-Password", "X-Gateway-Key", "X-Credentials"),
]


@pytest.mark.parametrize("name", SECRET_HEADERS)
def test_a_secret_is_refused_with_the_advice_to_use_the_settings(name: str) -> None:
    for option, place in (("extra_headers", "headers"), ("extra_query", "query")):
        with pytest.raises(InvalidRequest) as refused:
            agent(**{option: {name: "quokka"}})
        for part in (option, repr(name), f"[providers.NAME] {place} = ", "$VARIABLE"):
            assert part in refused.value.message
        assert "quokka" not in refused.value.message


@pytest.mark.parametrize("name", ["key", "sig", "signature", "access_token", "code_secret"])
def test_a_secret_in_the_query_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="settings"):
        agent(extra_query={name: "x"})


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"extra_headers": ["X"]}, "'extra_headers' of agent 'a' is list"),
        ({"extra_headers": {"X": None}}, "one line of text"),
        ({"extra_headers": {"X": ["a"]}}, "one line of text"),
        ({"extra_query": {"x": ["a", None]}}, "one line of text"),
        ({"extra_headers": {1: "x"}}, "texts as names"),
        ({"extra_headers": {"X": "a\r\nAuthorization: b"}}, "one line of text"),
        ({"extra_headers": {"X": "漢"}}, "Latin-1"),
        ({"extra_headers": {"X y": "z"}}, "'X y'"),
        ({"extra_headers": {"": "z"}}, "''"),
        *(({"extra_headers": {name: "z"}}, repr(name)) for name in ("Host", "content-length", "Transfer-Encoding")),
        *(({"extra_headers": {name: "z"}}, repr(name)) for name in ("Proxy-Connection", "TE", "User-Agent", "Accept")),
        ({"extra_query": "a=b"}, "'extra_query' of agent 'a' is str"),
        ({"extra_body": "x"}, "'extra_body' of agent 'a' is str"),
        *(
            ({"extra_body": {name: "z"}}, f"{name!r}, which the server sets")
            for name in ("model", "messages", "stream")
        ),
    ],
)
def test_extras_of_another_form_are_refused(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        agent(**parameters)
    assert said in refused.value.message


def test_other_extras_are_kept_as_they_are() -> None:
    given = {
        "extra_headers": {
            "X-Title": "Ours",
            "HTTP-Referer": "https://a.example",
            "cf-aig-cache-key": "k",
            "X-Number": 1,
        },
        "extra_query": {"api-version": "1", "number": 1.5, "several": ["a", 1, True]},
        "extra_body": {"top_k": 5},
        "temperature": 1,
    }
    assert agent(extra_headers=None).parameters == {"extra_headers": None}
    assert agent(**given).parameters == given


@pytest.mark.parametrize(
    "name",
    ["X-Title", "HTTP-Referer", "OpenAI-Organization", "anthropic-beta", "X-Monkey", "Idempotency-Key", "keyboard"],
)
def test_names_that_hold_no_secret_are_told_apart(name: str) -> None:
    assert not is_secret_name(name)
