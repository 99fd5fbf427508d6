"""Responses: runs that can be read, streamed again, continued and cancelled."""
