"""What a door reads of an encoded event without decoding it."""

from datetime import UTC, datetime

import orjson
import pytest

from agentos import Run, RunStatus, Token
from agentos.events.encoder import FrameEncoder
from agentos.web import token_json

TEXTS = ["", "Hello", '"', "\\", '{"token":"x","index":1}', ',"index":', "\u2028 žluť 🐎", "x" * 10_000]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize("index", [0, 12345])
def test_the_text_of_a_token_is_read_as_it_was_said(text: str, index: int) -> None:
    run = Run(
        id='{"token":"r"',
        agent_id='a","data":{"token":"b","index":9',
        status=RunStatus.RUNNING,
        created_at=datetime.now(UTC),
    )
    encoder = FrameEncoder(run)
    for frame in (encoder.encode(Token(text, index), 2), encoder.encode_token(text, index, 2)):
        assert orjson.loads(token_json(frame)) == text
