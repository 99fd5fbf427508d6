"""A client whose runs pause, and that never gives up: for tests that kill the workers meanwhile."""

import random
import threading
import time
from typing import Any

import requests

from parts.client import Client
from parts.shop import LOOK_AND_PAY, answers_to, asking


class Buyer(threading.Thread):
    """Has runs that pause, and answers them at whichever worker takes the answer, until all have ended."""

    def __init__(self, clients: list[Client], agent: str, count: int) -> None:
        super().__init__(daemon=True)
        self._clients, self._agent, self._count = clients, agent, count
        self.runs: list[dict[str, Any]] = []
        self.failure: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            for _ in range(self._count):
                self._buy()
        except Exception as failure:
            self.failure = failure

    def _buy(self) -> None:
        run_id = self._ask("POST", f"/agents/{self._agent}/run", asking(LOOK_AND_PAY, background=True))["run_id"]
        deadline = time.monotonic() + 60
        while (run := self._ask("GET", f"/runs/{run_id}"))["status"] in ("queued", "running", "paused"):
            assert time.monotonic() < deadline, f"run {run_id} is still {run['status']}"
            if run["status"] == "paused":
                self._ask("POST", f"/runs/{run_id}/resume", answers_to(run))
            time.sleep(0.05)
        self.runs.append(run)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask until there is a response that is no refusal because the server ends."""
        deadline = time.monotonic() + 60
        headers = {"Idempotency-Key": f"{time.monotonic_ns()}-{random.random()}"} if path.endswith("/run") else None
        while True:
            try:
                response = random.choice(self._clients).request(method, path, body, headers=headers, timeout=30)
                if response.status_code < 500:
                    return response.json()
            except requests.ConnectionError:
                pass
            assert time.monotonic() < deadline, f"no response to {method} {path}"
            time.sleep(0.05)
