"""The use cases: what HTTP and CLI call, and all that they call."""
