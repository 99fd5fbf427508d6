import subprocess
import sys

import pytest

from agentos.config import Config
from agentos.errors import ConfigError
from agentos.storage.memory import open_memory


@pytest.mark.parametrize(
    "module", ["agentos.storage.interface", "agentos.storage.memory", "agentos.storage.sqlalchemy"]
)
def test_importing_a_backends_factory_does_not_import_sqlalchemy(module):
    code = f"import sys, {module}; sys.exit('sqlalchemy' in sys.modules or 'alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_memory_url_with_a_name_is_refused():
    with pytest.raises(ConfigError, match="memory://"):
        open_memory("memory://name", Config(environ={}))
