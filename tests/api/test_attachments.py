"""Attachments that are kept: sizes in every list, bytes for the model within its bound, and bytes on request."""

from __future__ import annotations

import os
import tracemalloc
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from api.conftest import Serve, Served

MIB = 1024**2
PNG = b"\x89PNG\r\n\x1a\n"


def attachment(content: bytes, **fields: str) -> dict[str, str]:
    return {"type": "image", "data": b64encode(content).decode(), "content_type": "image/png", **fields}


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/agentos.db"


@contextmanager
def pieces_read() -> Iterator[list[str]]:
    """Count the pieces of attachments that are read from a database."""
    read: list[str] = []

    def after(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT") and "attachment_pieces" in statement:
            read.append(statement)

    event.listen(Engine, "after_cursor_execute", after)
    try:
        yield read
    finally:
        event.remove(Engine, "after_cursor_execute", after)


def given_to_the_model(served: Served) -> list[int]:
    """Return the sizes of the attachments in the last request to the model, the oldest first."""
    media = [one for message in served.provider.requests[-1].messages for one in message.media]
    return [len(b64decode(one.data or "")) for one in media]


def test_bytes_reach_the_model_again_in_later_turns(serve: Serve, url: str) -> None:
    served = serve(database_url=url)
    session = served.new_session()
    content = os.urandom(2 * MIB + 7)
    served.run("See", session, media=[attachment(content), {"type": "image", "url": "https://example.com/a.png"}])
    served.run("And now?", session)
    served.run("Still?", session, media=attachment(content))
    for request in served.provider.requests:
        whole, address = request.messages[0].media
        assert b64decode(whole.data or "") == content
        assert (address.url, address.data) == ("https://example.com/a.png", None)
    assert given_to_the_model(served) == [len(content), 0, len(content)]


def test_of_twenty_turns_with_a_picture_each_the_model_is_given_as_many_as_the_bound_allows(
    serve: Serve, tmp_path: Path
) -> None:
    served = serve(database_url=f"sqlite:///{tmp_path}/agentos.db")
    session = served.new_session()
    for number in range(20):
        served.run("See", session, media=attachment(os.urandom(MIB), name=f"{number}.png"))
    with pieces_read() as read:
        assert served.run("How many?", session).status_code == 200
    assert given_to_the_model(served) == [MIB] * 7  # eight would leave no room for the texts
    assert len(read) == 7 * 2
    asked = [message for message in served.provider.requests[-1].messages if message.role == "user"]
    assert asked[12].content == "See\n(attachment no longer shown: image 12.png)"
    assert asked[13].media[0].name == "13.png"


def test_a_runs_own_attachments_are_not_counted(serve: Serve, url: str) -> None:
    served = serve(database_url=url, history_bytes=1024)
    session = served.new_session()
    for _ in range(2):
        served.run("See", session, media=[attachment(os.urandom(900)), attachment(os.urandom(900))])
        assert given_to_the_model(served)[-2:] == [900, 900]
    assert given_to_the_model(served) == [900, 900, 900]


def test_text_beyond_the_bound_is_left_out_by_whole_turns(serve: Serve, url: str) -> None:
    served = serve(database_url=url, history_bytes=1024)
    session = served.new_session()
    for number in range(4):
        served.run(str(number) * 400, session)
    said = [message.content[:1] for message in served.provider.requests[-1].messages]
    assert said == ["1", "H", "2", "H", "3"]


def test_a_list_of_forty_runs_with_large_attachments_reads_none_of_their_bytes(serve: Serve, tmp_path: Path) -> None:
    served = serve(database_url=f"sqlite:///{tmp_path}/agentos.db", history_turns=0)
    session = served.new_session()
    size = 4 * MIB
    for _ in range(40):
        assert served.run("See", session, media=attachment(os.urandom(size))).status_code == 200
    for address in ("/api/v1/runs?limit=1000", f"/api/v1/sessions/{session}/history?num_messages=1000"):
        with pieces_read() as read:
            tracemalloc.start()
            answer = served.client.get(address).json
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert (len(answer["runs"]), [run["media"][0]["size"] for run in answer["runs"]]) == (40, [size] * 40)
        assert most < size
        assert read == []


# --- bytes on request ------------------------------------------------------------------------------------------------


def test_the_bytes_of_a_picture_are_shown_as_it_is(serve: Serve, url: str) -> None:
    served = serve(database_url=url)
    content = PNG + os.urandom(2 * MIB)
    run_id = served.run("See", media=[attachment(b"other"), attachment(content, name="a.png")]).json["run_id"]
    answer = served.client.get(f"/api/v1/runs/{run_id}/media/1")
    assert (answer.status_code, answer.data, answer.mimetype) == (200, content, "image/png")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == "inline; filename=a.png"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "private" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("content_type", "name", "disposition"),
    [
        ("image/svg+xml", None, "attachment"),
        ("image/x-made-up", "a/../b\\c", "attachment; filename=a_.._b_c"),
        ("image/bmp", 'a"; filename=b', 'attachment; filename="a\\"; filename=b"'),
        ("image/tiff", "ü漢.png", "attachment; filename=__.png; filename*=UTF-8''%C3%BC%E6%BC%A2.png"),
    ],
)
def test_anything_else_is_a_download(served: Served, content_type: str, name: str | None, disposition: str) -> None:
    fields = {"content_type": content_type, **({} if name is None else {"name": name})}
    run_id = served.run("See", media=attachment(b"<svg/>", **fields)).json["run_id"]
    answer = served.client.get(f"/api/v1/runs/{run_id}/media/0")
    assert (answer.data, answer.mimetype) == (b"<svg/>", "application/octet-stream")
    assert answer.headers["Content-Disposition"] == disposition


@pytest.mark.parametrize("number", ["2", "9999", "10000", "-1", "x", "1.0", "\u0663", " 0"])
def test_a_number_without_an_attachment_is_not_found(served: Served, number: str) -> None:
    media = [attachment(PNG), {"type": "image", "url": "https://example.com/a.png"}]
    run_id = served.run("See", media=media).json["run_id"]
    answer = served.client.get(f"/api/v1/runs/{run_id}/media/{number}")
    assert (answer.status_code, answer.json["code"]) == (404, "NOT_FOUND")


def test_an_attachment_that_was_given_by_its_address_has_no_bytes_here(served: Served) -> None:
    run_id = served.run("See", media={"type": "image", "url": "https://example.com/a.png"}).json["run_id"]
    answer = served.client.get(f"/api/v1/runs/{run_id}/media/0")
    assert (answer.status_code, answer.json["code"]) == (404, "NOT_FOUND")
    assert "was given by its address" in answer.json["message"]


def test_a_run_that_is_not_there_has_no_attachments(served: Served) -> None:
    assert served.client.get("/api/v1/runs/none/media/0").json["code"] == "RUN_NOT_FOUND"


def test_the_bytes_are_gone_with_the_session(serve: Serve, url: str) -> None:
    served = serve(database_url=url)
    session = served.new_session()
    run_id = served.run("See", session, media=attachment(PNG)).json["run_id"]
    served.client.delete(f"/api/v1/sessions/{session}")
    assert served.client.get(f"/api/v1/runs/{run_id}/media/0").status_code == 404
