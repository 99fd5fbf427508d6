"""Fills a database with more than anybody would wait for the API to make: in SQL, the same on SQLite and PostgreSQL.

The tables are those that the server itself has made. Rows are as whole as the server's own: each turn has its run and
two messages, each session its counters.
"""

from __future__ import annotations

import sqlalchemy

MICROSECONDS = 1_700_000_000_000_000
"""When what is made here was made."""

NUMBERS = {
    "sqlite": "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n)",
    "postgresql": "(SELECT i FROM generate_series(1, {count}) AS s(i))",
}

SESSIONS = """
INSERT INTO sessions (id, agent_id, user_id, team_id, metadata, state, version, run_count, total_tokens, next_position,
                      turn_count, message_count, created_at, updated_at)
SELECT '{name}-' || i, {agent}, {user}, {team}, '{{}}', '{{}}', 1, {turns}, {turns} * 20, {turns} + 1, {turns},
       {turns} * 2, {time} + i, {time} + i
FROM {numbers} AS numbers
"""

RUNS = """
INSERT INTO runs (id, agent_id, session_id, position, turn, status, attempt, cancel_requested, input, content,
                  prompt_tokens, completion_tokens, reasoning_tokens, loops, metadata, context, created_at, started_at,
                  ended_at)
SELECT '{name}-run-' || i, 'burst-10', '{name}-' || ((i - 1) / {turns} + 1), (i - 1) % {turns} + 1,
       (i - 1) % {turns} + 1, 'completed', 1, false, 'What is the weather like?', 'It is sunny, with a light wind.',
       10, 10, 0, 1, '{{}}', '{{}}', {time} + i, {time} + i, {time} + i
FROM {numbers} AS numbers
"""

MESSAGES = """
INSERT INTO messages (session_id, sequence, turn, run_id, role, content, shares_media, created_at)
SELECT '{name}-' || ((i - 1) / {turns} + 1), ((i - 1) % {turns}) * 2 + {place}, (i - 1) % {turns} + 1,
       '{name}-run-' || i, '{role}', '{said}', false, {time} + i
FROM {numbers} AS numbers
"""

# How many sessions share an agent, a user, a team: filters that find much, little, and what half of all have.
AGENT, USER, TEAM = "'agent-' || (i % 10)", "'user-' || (i % 100000)", "CASE i % 2 WHEN 0 THEN 'team-' || (i % 7) END"


class Filling:
    """An open database, to be filled while no server uses it."""

    def __init__(self, url: str) -> None:
        self._engine = sqlalchemy.create_engine(url)
        self._dialect = self._engine.dialect.name

    def sessions(self, name: str, count: int) -> None:
        """Add sessions that nothing was said in, ``NAME-1`` and on, of many agents and users."""
        self._run(SESSIONS, count, name=name, turns=0, agent=AGENT, user=USER, team=TEAM)

    def talks(self, name: str, sessions: int, turns: int) -> None:
        """Add sessions ``NAME-1`` and on of the agent ``burst-10``, each with so many turns."""
        self._run(SESSIONS, sessions, name=name, turns=turns, agent="'burst-10'", user="NULL", team="NULL")
        self._run(RUNS, sessions * turns, name=name, turns=turns)
        said = {"user": "What is the weather like?", "assistant": "It is sunny, with a light wind."}
        for place, (role, text) in enumerate(said.items(), start=1):
            self._run(MESSAGES, sessions * turns, name=name, turns=turns, place=place, role=role, said=text)

    def close(self) -> None:
        """Leave the database as it would be some time later anyway: PostgreSQL counts its rows by itself."""
        if self._dialect == "postgresql":
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE")
        self._engine.dispose()

    def _run(self, statement: str, count: int, **values: object) -> None:
        numbers = NUMBERS[self._dialect].format(count=count)
        with self._engine.begin() as connection:
            connection.exec_driver_sql(
                statement.format(numbers=numbers, time=MICROSECONDS, **values).replace("%", "%%")
                if self._dialect == "postgresql"
                else statement.format(numbers=numbers, time=MICROSECONDS, **values)
            )
