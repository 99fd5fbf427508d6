"""The application of the API tests and the CLI, with plugins that a test writes."""

from api.conftest import log_records, serve, serve_pair
from cli.conftest import cli, install_plugin

__all__ = ["cli", "install_plugin", "log_records", "serve", "serve_pair"]
