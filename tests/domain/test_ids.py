"""Identifiers."""

import threading
import time
import uuid

from agentos.domain.ids import new_id


def test_an_id_is_a_uuid_of_version_7_with_the_time_of_its_making() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(new_id())
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000 + 1


def test_ids_sort_in_the_order_of_their_making_across_threads() -> None:
    made: list[list[str]] = [[] for _ in range(4)]

    def make(ids: list[str]) -> None:
        ids += [new_id() for _ in range(2000)]

    threads = [threading.Thread(target=make, args=(ids,)) for ids in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(ids == sorted(ids) for ids in made)
    assert len({id for ids in made for id in ids}) == 8000
