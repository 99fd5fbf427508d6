"""The floor to compare with: the same gunicorn, gevent and Flask, with a view that only forwards to the model.

No agent, no session, no storage, no log: what is left is what any server on this stack pays.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import orjson
import requests
from flask import Flask, Response, request
from requests.adapters import HTTPAdapter

MODEL_URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"

app = Flask(__name__)
# The view above all views of its kind: `requests` as its first page teaches it, a connection for each call.
# That which keeps its connections is beside it, as a floor that is harder to reach.
kept = requests.Session()
kept.mount("http://", HTTPAdapter(pool_maxsize=2000))


@app.post("/run/<model>")
def run(model: str) -> dict[str, str]:
    """Ask the model, wait for its answer, and return it."""
    answer = requests.post(MODEL_URL, json=_request(model, stream=False), timeout=60)
    return {"content": answer.json()["choices"][0]["message"]["content"]}


@app.post("/kept/run/<model>")
def run_kept(model: str) -> dict[str, str]:
    """Do the same on a kept connection."""
    answer = kept.post(MODEL_URL, json=_request(model, stream=False), timeout=60)
    return {"content": answer.json()["choices"][0]["message"]["content"]}


@app.post("/stream/<model>")
def stream(model: str) -> Response:
    """Hand on the lines of the model's answer as they come."""
    answer = requests.post(MODEL_URL, json=_request(model, stream=True), stream=True, timeout=60)
    return Response(_lines(answer), mimetype="text/event-stream")


@app.post("/decoded/stream/<model>")
def stream_decoded(model: str) -> Response:
    """Look into each piece, as any server has to that is more than a proxy, and make an event of it."""
    answer = requests.post(MODEL_URL, json=_request(model, stream=True), stream=True, timeout=60)
    return Response(_events(answer), mimetype="text/event-stream")


def _events(answer: requests.Response) -> Iterator[bytes]:
    for line in answer.iter_lines():
        if line == b"data: [DONE]":
            yield line + b"\n\n"
        elif line:
            delta = orjson.loads(line[6:])["choices"][0]["delta"]
            if text := delta.get("content"):
                yield b"data: %b\n\n" % orjson.dumps({"content": text})


def _lines(answer: requests.Response) -> Iterator[bytes]:
    for line in answer.iter_lines():
        if line:
            yield line + b"\n\n"


def _request(model: str, *, stream: bool) -> dict[str, object]:
    body = request.get_json()
    return {"model": model, "messages": [{"role": "user", "content": body["input"]}], "stream": stream}
