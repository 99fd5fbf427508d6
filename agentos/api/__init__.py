"""The HTTP API: one module a resource, and what they share. All that it does, it asks :mod:`agentos.services` for."""
