"""Asks a guest process what an agent is: that it can be imported, and which adapter runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agentos.cancellation import Cancellation
from agentos.domain.guest import Guest
from agentos.domain.text import one_line
from agentos.guests.failures import broken, failure_of, lost, refusal_of
from agentos.guests.pools import GuestPools
from agentos.guests.wire import VERSION, ProtocolError, encode


@dataclass(frozen=True, slots=True)
class GuestDescription:
    """What runs an agent in its guest process: the adapter, and the version of its framework."""

    adapter: str
    framework_version: str


def describe(guest: Guest, pools: GuestPools, cancellation: Cancellation) -> GuestDescription:
    """Return what a guest process says of its agent, which it imports. Raises what a run of it would raise."""
    name, about = f"agent {guest.target!r}", {"guest": guest.target}
    pool = pools.pool(guest)
    with pool.process(None, cancellation) as process:
        try:
            with pool.exchange(process, cancellation) as exchange:
                exchange.start(encode({"kind": "describe", "version": VERSION, "target": guest.target}))
                for frame in (frame for frames in exchange for frame in frames):
                    if frame["kind"] in ("description", "failed", "refused"):
                        exchange.finish()
                        return _described(frame, name, about)
        except ProtocolError as error:
            raise broken(name, about, str(error)) from None
        except OSError as error:
            cancellation.check()
            raise lost(name) from error
    cancellation.check()
    raise lost(name)


def _described(frame: Mapping[str, object], name: str, about: Mapping[str, object]) -> GuestDescription:
    if frame["kind"] == "failed":
        raise failure_of(frame, name, about)
    if frame["kind"] == "refused":
        raise refusal_of(frame, name, about)
    adapter, version = (one_line(str(frame.get(one) or ""), 100) for one in ("adapter", "framework_version"))
    return GuestDescription(adapter, version)
