import inspect
import subprocess
import sys

import pytest

from agentos.config import Config
from agentos.errors import ConfigError
from agentos.storage.interface import Storage
from agentos.storage.memory import open_memory
from agentos.testing.storage.owners import CALLS


@pytest.mark.parametrize(
    "module", ["agentos.storage.interface", "agentos.storage.memory", "agentos.storage.sqlalchemy"]
)
def test_importing_a_backends_factory_does_not_import_sqlalchemy(module):
    code = f"import sys, {module}; sys.exit('sqlalchemy' in sys.modules or 'alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_memory_url_with_a_name_is_refused():
    with pytest.raises(ConfigError, match="memory://"):
        open_memory("memory://name", Config(environ={}))


def test_the_contract_tries_every_method_that_takes_an_owner_with_another_ones_id():
    methods = inspect.getmembers(Storage, inspect.isfunction)
    taking = {name for name, method in methods if "owner" in inspect.signature(method).parameters}
    assert {name.split()[0] for name in CALLS} == taking


def test_an_owner_has_to_be_named():
    for name in {name.split()[0] for name in CALLS}:
        parameter = inspect.signature(getattr(Storage, name)).parameters["owner"]
        assert (parameter.kind, parameter.default) == (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.empty), name
