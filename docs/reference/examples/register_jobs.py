from datetime import UTC, datetime, timedelta

from agentos import Record, hookimpl

seen = []


def remind(record, server):
    seen.append(record.document["text"])
    return record.due_at + timedelta(days=1) if record.document["daily"] else None


@hookimpl
def register_jobs(register):
    register("reminders", remind)


@hookimpl
def server_start(server):
    note = {"text": "Water the plants.", "daily": True}
    due = datetime.now(UTC)
    server.records.put(Record(collection="reminders", id="plants", document=note, due_at=due))
