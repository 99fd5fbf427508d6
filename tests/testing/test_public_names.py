"""``agentos.testing`` itself: every name is there, is documented, and costs nothing before it is asked for."""

import subprocess
import sys

import pytest

import agentos.testing


@pytest.mark.parametrize("name", agentos.testing.__all__)
def test_each_name_is_there_and_has_a_docstring(name: str) -> None:
    found = getattr(agentos.testing, name)
    assert name == "PIXEL" or (found.__doc__ or "").strip()
    assert name in dir(agentos.testing)


def test_a_name_that_is_not_there_is_an_error_with_those_that_are() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'run_agents'; it has AgentClient, .*run_agent"):
        _ = agentos.testing.run_agents


def test_the_module_alone_loads_nothing() -> None:
    code = "import sys, agentos.testing; sys.exit(', '.join({'flask', 'gevent', 'pytest'} & set(sys.modules)) or None)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_contract_may_be_imported_from_its_module_first() -> None:
    code = (
        "import warnings, agentos.testing.models, agentos.testing; warnings.simplefilter('error');"
        "assert agentos.testing.ProviderContract is agentos.testing.models.ProviderContract"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
