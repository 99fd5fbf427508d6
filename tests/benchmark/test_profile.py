"""A sampled stack counts for one stage."""

import pytest

from benchmarks.profile import STAGES, stage_of, table


@pytest.mark.parametrize(
    ("frames", "stage"),
    [
        (["Flask.wsgi_app (flask/app.py:1)", "execute (sqlalchemy/engine/base.py:2)"], "database: statements"),
        (["Flask.wsgi_app (flask/app.py:1)", "Logger.info (/lib/logging/__init__.py:1)"], "log"),
        # A socket of gevent counts for who uses it.
        (["_ask (agentos/http/client.py:1)", "send (gevent/_socketcommon.py:7)"], "model: HTTP"),
        (["Hub.run (gevent/hub.py:647)"], "gevent"),
        (["work (somewhere.py:1)"], "other"),
    ],
)
def test_the_innermost_known_frame_decides(frames, stage):
    assert stage_of(frames).startswith(stage)


def test_every_stage_has_a_name_of_its_own():
    assert len({name for name, _ in STAGES}) == len(STAGES)


def test_a_table_has_each_column_s_sum():
    text = table("token", {"paced": {"a": 1.0, "b": 2.0}, "burst": {"b": 0.5}})
    assert text.splitlines()[2:] == ["| b | 2.0 | 0.5 |", "| a | 1.0 | 0.0 |", "| **all** | **3.0** | **0.5** |"]
