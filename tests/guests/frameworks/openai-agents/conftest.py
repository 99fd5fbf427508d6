"""These tests run in the framework's environment. In the server's, there is nothing here to collect."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("agents") and find_spec("agentos_guest") else ["*.py"]
