"""``openapi`` and ``serve``: the commands that reach up to the server."""

import json
import signal
import urllib.error
import urllib.request

import yaml

from agentos._version import __version__
from cli.conftest import wait_for_address
from parts.waiting import until


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


def test_a_reload_of_serve_reads_the_settings_anew(cli, tmp_path):
    settings = tmp_path / "agentos.toml"
    settings.write_text("max_request_size = 1024\n")
    log = tmp_path / "server.log"
    with log.open("w") as file:
        process = cli.process("serve", "--address", "127.0.0.1:0", "--workers", "1", stdout=file, stderr=file)
    try:
        url = wait_for_address(log)
        assert answer_to_a_body_of(2000, url) == 413
        settings.write_text("max_request_size = 5000\n")
        process.send_signal(signal.SIGHUP)
        until(lambda: answer_to_a_body_of(2000, url) == 404, 30)
        assert "of this program are those of its start" not in log.read_text()
    finally:
        process.kill()
        process.wait()


def test_a_reload_of_a_program_says_that_it_stays_as_it_was(cli, tmp_path):
    (tmp_path / "server.py").write_text("from agentos import AgentOS\n\nserver = AgentOS()\n")
    log = tmp_path / "server.log"
    arguments = ["--app", "server:server", "--address", "127.0.0.1:0", "--workers", "1"]
    with log.open("w") as file:
        process = cli.process("serve", *arguments, stdout=file, stderr=file)
    try:
        wait_for_address(log)
        process.send_signal(signal.SIGHUP)
        until(lambda: "of this program are those of its start" in log.read_text(), 30)
    finally:
        process.kill()
        process.wait()


def answer_to_a_body_of(size, url):
    body = json.dumps({"input": "x" * size}).encode()
    request = urllib.request.Request(f"{url}/api/v1/agents/nobody/run", body, {"Content-Type": "application/json"})
    try:
        urllib.request.urlopen(request, timeout=30).close()
    except urllib.error.HTTPError as error:
        return error.code
    raise AssertionError("an agent that is not there answered")
