import inspect
import subprocess
import sys
from typing import get_type_hints

import pytest

from agentos.config import Config
from agentos.errors import ConfigError
from agentos.storage.interface import Storage
from agentos.storage.memory import open_memory
from agentos.testing.storage.owners import CALLS

STORES = get_type_hints(Storage)
"""The contract of each store by its name."""


@pytest.mark.parametrize(
    "module", ["agentos.storage.interface", "agentos.storage.memory", "agentos.storage.sqlalchemy"]
)
def test_importing_a_backends_factory_does_not_import_sqlalchemy(module):
    code = f"import sys, {module}; sys.exit('sqlalchemy' in sys.modules or 'alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_memory_url_with_a_name_is_refused():
    with pytest.raises(ConfigError, match="memory://"):
        open_memory("memory://name", Config(environ={}))


TAKING_AN_OWNER = {
    f"{store}.{name}"
    for store, kind in STORES.items()
    for name, method in inspect.getmembers(kind, inspect.isfunction)
    if getattr(method, "__isabstractmethod__", False) and "owner" in inspect.signature(method).parameters
}


def test_the_contract_tries_every_method_that_takes_an_owner_with_another_ones_id():
    # The owner of a record is a part of what names it: RecordContract has its tests.
    taking = {name for name in TAKING_AN_OWNER if not name.startswith("records.")}
    assert {name.split()[0] for name in CALLS} == taking


def test_an_owner_has_to_be_named():
    for name in TAKING_AN_OWNER:
        store, _, method = name.partition(".")
        parameter = inspect.signature(getattr(STORES[store], method)).parameters["owner"]
        assert (parameter.kind, parameter.default) == (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.empty), name
