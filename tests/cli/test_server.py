"""``openapi`` and ``serve``: the commands that reach up to the server."""

import json
import signal
import urllib.request

import yaml

from agentos._version import __version__
from cli.conftest import wait_for_address


def test_openapi_prints_the_document(cli):
    document = yaml.safe_load(cli.ok("openapi"))
    assert document["info"]["version"] == __version__
    assert "/api/v1/agents/{agent_id}/run" in document["paths"]


def test_openapi_knows_a_file_that_is_stale(cli, tmp_path):
    assert cli.ok("openapi", "--output", "openapi.yaml") == ""
    assert cli.ok("openapi", "--check", "openapi.yaml") == "openapi.yaml is up to date.\n"
    with (tmp_path / "openapi.yaml").open("a") as file:
        file.write("# more\n")
    assert "'flask agentos openapi --output openapi.yaml' makes it so" in cli.fails(
        "openapi", "--check", "openapi.yaml"
    )
    assert "cannot be read" in cli.fails("openapi", "--check", "nowhere.yaml")
    assert "cannot be written" in cli.fails("openapi", "--output", "nowhere/openapi.yaml")
    assert "--output and --check exclude each other" in cli.fails("openapi", "--check", "a", "--output", "b", code=2)


def test_serve_refuses_what_is_no_setting(cli):
    assert "setting 'address' (from given) is 'here'" in cli.fails("serve", "--address", "here")


def test_serve_serves_agents_that_the_cli_registered(cli, tmp_path):
    cli.ok("register", "parrot", "--model", "scripted:echo")
    log = tmp_path / "server.log"
    with log.open("w") as file:
        process = cli.process("serve", "--address", "127.0.0.1:0", "--workers", "1", stdout=file, stderr=file)
    try:
        url = wait_for_address(log)
        request = urllib.request.Request(
            f"{url}/api/v1/agents/parrot/run", b'{"input": "Hello"}', {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            assert json.load(response)["content"] == "Hello"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
