"""The application of the API tests, with somebody at the door."""

from api.conftest import log_records, serve, serve_pair

__all__ = ["log_records", "serve", "serve_pair"]
