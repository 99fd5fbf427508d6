"""The application of the API tests, with plugins that a test writes."""

from api.conftest import log_records, serve, serve_pair

__all__ = ["log_records", "serve", "serve_pair"]
