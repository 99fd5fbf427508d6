"""The application of the API tests, with somebody at the door."""

from api.conftest import serve, serve_pair

__all__ = ["serve", "serve_pair"]
