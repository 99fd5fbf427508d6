"""The files of the workers: what one leaves behind, the next continues; what is broken is begun anew."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest
from agentos_metrics.labels import BoundedLabel
from agentos_metrics.metrics import RUN_SECONDS, RUNS, WORKER_MEMORY
from agentos_metrics.places import Places, Reading
from agentos_metrics.recorder import Recorder
from agentos_metrics.worker_numbers import CAPACITY, Numbers, Series, SharedNumbers

LABELS = ("a", "completed", "")
HEAD = b"0" * 31 + b"\n"


def read_places(folder: Path) -> list[Reading]:
    return Places(folder).read()


def totals(folder: Path, metric: str = RUNS.name) -> list[float]:
    """Return the first number of each series of a metric, in all places."""
    return [numbers[0] for one in read_places(folder) for series, numbers in one.numbers if series.metric == metric]


def test_the_worker_that_takes_a_place_counts_on(tmp_path: Path) -> None:
    first, second = (Recorder(SharedNumbers(tmp_path)) for _ in range(2))
    first.add(RUNS, LABELS)
    second.add(RUNS, LABELS, 10)
    first.close()
    third = Recorder(SharedNumbers(tmp_path))
    assert third.numbers.place == 0
    third.add(RUNS, LABELS)
    assert sorted(totals(tmp_path)) == [2, 10]
    assert [one.live for one in read_places(tmp_path)] == [True, True]


def test_a_reader_sees_what_was_added_and_what_was_begun_anew(tmp_path: Path) -> None:
    reader = Places(tmp_path)
    first = Recorder(SharedNumbers(tmp_path))

    def names() -> list[str]:
        (found,) = reader.read()
        return [series.labels[0] for series, _ in found.numbers]

    assert names() == []
    first.add(RUNS, ("a", "completed", ""))
    assert names() == ["a"]
    first.add(RUNS, ("b", "completed", ""))
    assert names() == ["a", "b"]
    first.close()
    (tmp_path / "0.values").write_bytes(b"broken")
    second = Recorder(SharedNumbers(tmp_path))
    for label in "cde":
        second.add(RUNS, (label, "completed", ""))
    assert names() == ["c", "d", "e"]


def test_gauges_do_not_outlive_their_worker(tmp_path: Path) -> None:
    first = Recorder(SharedNumbers(tmp_path))
    first.set(WORKER_MEMORY, ("0",), 7)
    first.close()
    assert [one.live for one in read_places(tmp_path)] == [False]
    Recorder(SharedNumbers(tmp_path))
    assert totals(tmp_path, WORKER_MEMORY.name) == [0]


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (b"garbage\n", None),
        (HEAD + b"garbage\n", None),
        (b"", None),
        (HEAD + b"\xff\xfe\n", None),
        (HEAD + b"[]\n", None),
        (HEAD + b'["counter","agentos_runs",["a","completed",""],999999,[]]\n', None),
        (HEAD + b'["counter","agentos_runs",["a","completed",""],-1,[]]\n', None),
        (HEAD + b"[" * 100_000 + b"\n", None),
        (None, b""),
        (None, b"short"),
    ],
)
def test_broken_files_are_begun_anew(tmp_path: Path, names: bytes | None, values: bytes | None) -> None:
    first = Recorder(SharedNumbers(tmp_path))
    first.add(RUNS, LABELS)
    first.close()
    if names is not None:
        (tmp_path / "0.names").write_bytes(names)
    if values is not None:
        (tmp_path / "0.values").write_bytes(values)
    assert totals(tmp_path) == [], "and until then they are left out"
    second = Recorder(SharedNumbers(tmp_path))
    second.add(RUNS, LABELS)
    assert totals(tmp_path) == [1]


def test_half_a_line_of_a_worker_that_died_is_dropped(tmp_path: Path) -> None:
    first = Recorder(SharedNumbers(tmp_path))
    first.add(RUNS, LABELS)
    first.close()
    with (tmp_path / "0.names").open("ab") as file:
        file.write(b'["counter","agentos_ru')
    second = Recorder(SharedNumbers(tmp_path))
    second.add(RUNS, ("b", "completed", ""))
    assert totals(tmp_path) == [1, 1]


def test_what_was_written_for_a_series_that_was_not_saved_counts_for_no_other(tmp_path: Path) -> None:
    first = Recorder(SharedNumbers(tmp_path))
    first.numbers.values[0] = 99
    first.close()
    second = Recorder(SharedNumbers(tmp_path))
    second.add(RUNS, LABELS)
    assert totals(tmp_path) == [1]


def test_a_folder_without_the_right_to_write_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        SharedNumbers(tmp_path / "file")


def test_there_is_room_for_all_labels_at_their_bounds() -> None:
    numbers = Numbers()
    agents, causes, routes = 400, 12, 100
    series = [Series.of(RUNS, (str(agent), "failed", str(cause))) for agent in range(agents) for cause in range(causes)]
    series += [Series.of(RUN_SECONDS, (str(agent),)) for agent in range(agents)]
    assert sum(one.width for one in series) + routes * 30 < CAPACITY
    assert all(numbers.find(one) is not None for one in series)


def test_what_finds_no_room_is_left_out_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(Numbers())
    for number in range(CAPACITY + 10):
        recorder.add(RUNS, (str(number), "completed", ""))
    recorder.timed(RUNS, ("0", "completed", ""), RUN_SECONDS, ("a",)).record(1.0)
    assert [record.reason for record in caplog.records] == ["there is no room for more series"]  # type: ignore[attr-defined]
    recorder.add(RUNS, ("0", "completed", ""))
    assert recorder.get(RUNS, ("0", "completed", "")) == 3


def test_all_workers_together_have_one_bound_of_a_label(tmp_path: Path) -> None:
    first, second = (BoundedLabel(2, always=["code"], folder=tmp_path, name="agents") for _ in range(2))
    assert [first("a"), second("b"), first("c"), second("d")] == ["a", "b", "other", "other"]
    assert [first("b"), second("a")] == ["b", "a"], "each has seen what the other one took"
    assert first("code") == second("code") == "code"
    later = BoundedLabel(2, folder=tmp_path, name="agents")
    assert [later("e"), later("a")] == ["other", "a"]


def test_a_list_of_labels_that_cannot_be_read_makes_all_of_them_other(tmp_path: Path) -> None:
    (tmp_path / "agents.labels").write_bytes(b"\xff garbage")
    assert BoundedLabel(2, folder=tmp_path, name="agents")("a") == "other"


def test_a_value_that_cannot_be_written_is_not_taken_and_what_is_there_of_it_is_dropped(tmp_path: Path) -> None:
    label = BoundedLabel(3, folder=tmp_path, name="agents")
    assert label("a") == "a"
    file = tmp_path / "agents.labels"
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 3, most[1]))  # as of a disk that is full
    try:
        assert [label("bee"), label("bee")] == ["other", "other"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
    assert file.read_text() == '"a"\n"be'
    later = BoundedLabel(3, folder=tmp_path, name="agents")
    assert [later("a"), later("c"), label("bee"), label("d")] == ["a", "c", "bee", "other"]
    assert file.read_text() == '"a"\n"c"\n"bee"\n'


def test_files_are_for_the_servers_user_alone(tmp_path: Path) -> None:
    SharedNumbers(tmp_path / "metrics")
    found = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "metrics").iterdir()}
    assert found == {"0.values": 0o600, "0.names": 0o600, "lock": 0o600}
    assert (tmp_path / "metrics").stat().st_mode & 0o777 == 0o700
    assert os.stat(tmp_path / "metrics" / "0.values").st_blocks * 512 >= CAPACITY * 8, "no hole, which could kill"
