"""Operations of OpenAI's that are not offered. Without these, their paths would be taken for ids of responses."""

from __future__ import annotations

from typing import NoReturn

from agentos.web import RUN_SOME, NotFound
from agentos_openai_api.routes import routes


@routes.post("/v1/responses/input_tokens", access=RUN_SOME, responses={}, errors=(NotFound,))
def count_openai_input_tokens() -> NoReturn:
    """Not offered: always 404.

    This server has no tokenizers of the agents' models. The `usage` of a response has the tokens that it took.
    """
    raise NotFound(
        "/v1/responses/input_tokens is not offered: the server has no tokenizers of the agents' models; 'usage' of a"
        " response has the tokens that it took"
    )


@routes.post("/v1/responses/compact", access=RUN_SOME, responses={}, errors=(NotFound,))
def compact_openai_response() -> NoReturn:
    """Not offered: always 404.

    The server itself leaves out the oldest turns of a chain, and shortens conversations as their agent's settings say.
    """
    raise NotFound(
        "/v1/responses/compact is not offered: of a chain or a conversation that is too long for the model, the server"
        " itself leaves out the oldest turns"
    )
