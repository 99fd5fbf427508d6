import shutil
from pathlib import Path

import pytest

from parts.server import AgentOSServer


@pytest.fixture
def serve(tmp_path):
    """Start the stand-in application under the real gunicorn."""
    shutil.copy(Path(__file__).with_name("standin.py"), tmp_path)
    servers = []

    def start(**options):
        server = AgentOSServer(cwd=tmp_path, **{"app": "standin:app", "workers": 1, **options})
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.kill()
