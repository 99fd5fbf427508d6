"""The agents of code and plugins, which are in memory, and the stored ones as one list that is read in pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentos.storage.agents import StoredAgent
from agentos.storage.interface import Storage
from agentos.storage.paging import Paging


def part_of_list(
    storage: Storage, registered: Sequence[str], paging: Paging
) -> tuple[Sequence[str], Mapping[str, StoredAgent]]:
    """Return the ids of a part of the list, by code points, and the stored agents among them.

    ``registered`` are the sorted ids of the agents in memory; a stored agent of such an id is not in the list. There
    is one id more than ``paging.limit`` if there is a next page.
    """
    if paging.cursor is not None:
        after = paging.cursor.id
        stored = storage.agents.list(after=after, limit=paging.limit + 1, leave_out=registered)
        names, skip = [name for name in registered if name > after], 0
    else:
        # Before the part stand at most all registered agents, so at least `start` stored ones do. The first stored one
        # behind these has `start` stored and the smaller registered ones before it: its place in the list is known.
        start = max(0, paging.offset - len(registered))
        limit = paging.limit + 1 + paging.offset - start
        stored = storage.agents.list(offset=start, limit=limit, leave_out=registered)
        if start and not stored:
            return [], {}
        names = [name for name in registered if not start or name > stored[0].id]
        skip = paging.offset - start - (len(registered) - len(names))
    found = {agent.id: agent for agent in stored}
    return sorted([*names, *found])[skip : skip + paging.limit + 1], found
