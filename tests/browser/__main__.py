"""Serves the demo to look at: ``PYTHONPATH=tests python -m browser``; see ``--help``."""

from __future__ import annotations

import argparse
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

from agentos_testing import HttpClient, Serve

from browser.seed import many_sessions, seed
from browser.serving import serve_demo


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m browser", description="Serves the console with scripted agents.")
    parser.add_argument("--port", type=int, default=0, help="on this port of 127.0.0.1 (a free one)")
    parser.add_argument("--keys", action="store_true", help="with authentication: keys of several rights are printed")
    parser.add_argument("--model", action="store_true", help="with the small local model too")
    parser.add_argument("--sessions", type=int, default=0, help="with so many more sessions")
    parser.add_argument("--empty", action="store_true", help="without sessions and runs")
    given = parser.parse_args()
    # SIGTERM ends it as Ctrl-C does: the server is ended too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="agentos-demo-") as folder, Serve(Path(folder)) as serve:
        demo = serve_demo(serve, keys=given.keys, model=given.model, port=given.port)
        client = HttpClient(demo.url, demo.bearer("ada"))
        if not given.empty:
            seed(client)
        many_sessions(client, given.sessions)
        print(f"{demo.url}/", flush=True)
        for name, key in demo.keys.items():
            print(f"  {name}: {key}", flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
