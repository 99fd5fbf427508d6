from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from agentos.config import Config
from agentos.errors import ConfigError, ProviderError
from agentos.models.catalog import Catalog
from agentos.models.provider import ModelProvider
from agentos.models.scripted import ScriptedProvider
from agentos.registry import Registry

Factory = Callable[[Config], ModelProvider]


def catalog(**factories: Factory) -> Catalog:
    registry: Registry[Factory] = Registry("model provider")
    for prefix, factory in factories.items():
        registry.add(prefix, factory, source=f"plugin-{prefix}")
    return Catalog(registry, Config(environ={}))


def broken(_: Config) -> ModelProvider:
    raise ZeroDivisionError("secret detail")


def test_a_model_is_its_provider_and_its_name() -> None:
    provider, name = catalog(scripted=lambda config: ScriptedProvider()).resolve("scripted:ft:echo:1")
    assert isinstance(provider, ScriptedProvider)
    assert name == "ft:echo:1"


def test_a_provider_is_made_once_and_only_when_needed() -> None:
    made: list[int] = []

    def slow(_: Config) -> ModelProvider:
        made.append(threading.get_ident())
        time.sleep(0.1)
        return ScriptedProvider()

    models = catalog(slow=slow)
    models.check("slow:m")
    assert made == []
    with ThreadPoolExecutor(8) as pool:
        providers = list(pool.map(models.provider, ["slow"] * 8))
    assert len(made) == 1
    assert len(set(map(id, providers))) == 1


def test_a_provider_is_made_with_the_configuration() -> None:
    seen: list[Config] = []
    models = catalog(scripted=lambda config: seen.append(config) or ScriptedProvider())
    models.provider("scripted")
    assert isinstance(seen[0], Config)


@pytest.mark.parametrize(
    ("model", "advice"),
    [
        ("openai:gpt-5-mini", "pip install agentos-server-openai"),
        ("local:x", "pip install agentos-server-local"),
        ("nix:x", "plugin"),
    ],
)
def test_an_unknown_provider_is_named_with_what_to_do(model: str, advice: str) -> None:
    models = catalog(scripted=lambda config: ScriptedProvider())
    for ask in (models.resolve, models.check):
        with pytest.raises(ProviderError, match=f"{advice}.*use one of: scripted"):
            ask(model)


def test_a_provider_that_cannot_be_made_is_named_and_tried_again() -> None:
    answers = iter([broken, lambda config: ScriptedProvider()])
    models = catalog(x=lambda config: next(answers)(config))
    with pytest.raises(ProviderError, match="'x' of plugin 'plugin-x'") as raised:
        models.provider("x")
    assert "secret" not in raised.value.message
    assert models.provider("x")


def test_an_error_of_ours_keeps_its_own_words() -> None:
    def refuse(_: Config) -> ModelProvider:
        raise ConfigError("set FOO")

    with pytest.raises(ConfigError, match="set FOO"):
        catalog(x=refuse).provider("x")


def test_names_are_full_and_sorted_and_survive_a_broken_provider() -> None:
    models = catalog(scripted=lambda config: ScriptedProvider(), broken=broken)
    assert models.names() == [("scripted:echo", "plugin-scripted"), ("scripted:slow-20x0.1", "plugin-scripted")]


def test_closing_closes_all_that_were_made_even_if_one_fails() -> None:
    closed: list[str] = []

    class Closing(ScriptedProvider):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def close(self) -> None:
            closed.append(self.name)
            raise OSError("cannot")

    models = catalog(a=lambda config: Closing("a"), b=lambda config: Closing("b"), c=lambda config: Closing("c"))
    models.provider("a")
    models.provider("c")
    models.close()
    assert closed == ["a", "c"]
