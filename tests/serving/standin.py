"""A tiny WSGI application that keeps AgentOS's promises to its worker, to test the worker alone."""

import json
import os
import threading
import time
from types import SimpleNamespace

from agentos.config import Config


class Agents:
    def __init__(self, config):
        self.config = config

    def example(self):
        return SimpleNamespace(id="assistant", model="openai:x") if self.config.assistant else None


class Services:
    def __init__(self):
        self.config = Config()
        self.agents = Agents(self.config)
        self.plugins = SimpleNamespace(reports=[])
        self.activity = SimpleNamespace(loop=None)
        self.draining = threading.Event()
        self.lost = threading.Event()
        self.active = 0
        self.note("made")

    def start(self):
        self.note("start")

    def drain(self, timeout):
        self.note(f"drain {timeout:g}")
        self.draining.set()
        deadline = time.monotonic() + timeout
        while self.active and time.monotonic() < deadline:
            time.sleep(0.02)
        self.lost.set()

    def close(self):
        self.note("close")

    def note(self, text):
        with open("events.txt", "a") as file:
            file.write(f"{os.getpid()} {text}\n")


class App:
    def __init__(self):
        services = Services()
        self.extensions = {"agentos": services}
        self.services = services

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        if path == "/query":
            import sqlalchemy  # noqa: F401

            return self.answer(start_response, "200 OK", {})
        if path == "/crash":
            raise RuntimeError("the secret of the application")
        if path == "/header":
            start_response("200 OK", [("X-Bad", "a\nb")])
            return [b""]
        if path == "/echo":
            body = environ["wsgi.input"].read()
            return self.answer(start_response, "200 OK", {"size": len(body)})
        if path == "/broken":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return self.broken()
        if path == "/ahead":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return self.ahead()
        if path.startswith("/slow/"):
            time.sleep(float(path.rpartition("/")[2]))
            return self.answer(start_response, "200 OK", {"pid": os.getpid()})
        if path.startswith("/stream/"):
            if self.services.draining.is_set():
                return self.answer(start_response, "503 Service Unavailable", {"code": "SHUTTING_DOWN"})
            start_response("200 OK", [("Content-Type", "text/event-stream")])
            return self.stream(int(path.rpartition("/")[2]))
        return self.answer(start_response, "200 OK", {"pid": os.getpid()})

    def stream(self, count):
        self.services.active += 1
        try:
            for number in range(count):
                if self.services.lost.is_set():
                    yield b"lost\n"
                    return
                yield b"%d\n" % number
                time.sleep(0.1)
            yield b"complete\n"
        finally:
            self.services.active -= 1

    def broken(self):
        yield b"the beginning"
        raise RuntimeError("the secret of the application")

    def ahead(self):
        yield b""
        time.sleep(0.5)
        yield b"the body"

    def answer(self, start_response, status, data):
        body = json.dumps(data).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


app = App()
