"""Workers that are killed at any moment while runs pause, are answered, and end."""

import os
import random
import signal
import time

import pytest

from parts.buyer import Buyer
from parts.client import Client
from parts.shop import BOUGHT, Shop, log_of
from parts.soak import full


@pytest.mark.timeout(600)
def test_killed_at_any_moment(shop: Shop) -> None:
    servers = [shop.open(AGENTOS_MAX_ATTEMPTS="100") for _ in range(2)]
    clients = [Client(server.url) for server in servers]
    buyers = [Buyer(clients, agent, full(4, 30)) for agent in ("shop", "again") for _ in range(3)]
    while any(buyer.is_alive() for buyer in buyers):
        time.sleep(random.uniform(0.2, 1.0))
        server = random.choice(servers)
        ready = server.log().count("worker ready")
        os.kill(server.worker_pids()[0], signal.SIGKILL)
        shop.database.expect_claims()
        server.wait_for(
            lambda server=server, ready=ready: server.log().count("worker ready") > ready, 60, "whole again"
        )
    for buyer in buyers:
        assert buyer.failure is None
        for run in buyer.runs:
            called = [call["tool"] for call in shop.calls(run["run_id"])]
            log_of(clients[0], run["run_id"])
            if run["status"] == "completed":
                assert run["content"] == BOUGHT
                assert {"look_up", "pay"} <= set(called)
            else:
                assert run["error"]["details"]["cause"] == "WORKER_LOST"
            if run["agent_id"] == "shop":
                assert len(called) == len(set(called)), "a tool was called twice"
            else:
                assert run["status"] == "completed"
