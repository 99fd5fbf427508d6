"""What the command line brings is held against the same limits as what comes over HTTP."""

import json

import pytest

LARGE = json.dumps({"a": "x" * 1100})


@pytest.fixture
def small(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_MAX_INPUT_SIZE", "1024")
    monkeypatch.setenv("AGENTOS_MAX_METADATA_SIZE", "1024")
    return cli


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (["--name", "x" * 256], "name"),
        (["--description", "x" * 4097], "description"),
        (["--model", "scripted:" + "x" * 250], "model"),
        (["--instructions", "x" * 1025], "instructions"),
        (["--output-schema", LARGE], "output_schema"),
        (["--param", f"a={LARGE}"], "parameters"),
        (["--tool", "x" * 129], "tools"),
        (["--tool", "x"] * 129, "tools"),
    ],
)
def test_an_agent_that_is_too_large_is_refused_by_its_field(small, options, field):
    arguments = options if field == "model" else ["--model", "scripted:echo", *options]
    refused = small.fails("register", "a", *arguments)
    assert refused.startswith(f"Error: field '{field}' ")
    assert "accepted are at most" in refused


def test_an_input_that_is_too_large_is_refused(small):
    assert "field 'input' has 1025 bytes; accepted are at most 1 KiB" in small.fails("run", "assistant", "x" * 1025)
    assert small.ok("run", "assistant", "x" * 1024) == "x" * 1024 + "\n"
