"""Requests to model servers over HTTP: kept-alive connections, strict deadlines, and calls that can be cut at once.

Bytes only; what they mean is the business of the wire formats beside this package.
"""

from agentos.models.transport.client import Extra, Transport
from agentos.models.transport.failures import failure_for_status, short_message
from agentos.models.transport.response import Response
from agentos.models.transport.sse import EventParser

__all__ = ["EventParser", "Extra", "Response", "Transport", "failure_for_status", "short_message"]
