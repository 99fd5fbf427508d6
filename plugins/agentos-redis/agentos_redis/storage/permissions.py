"""Which commands the user of the storage needs, and which of them the server does not let it use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import redis.exceptions
from redis import Redis

_OF_THE_CLIENT = ("GET", "INFO", "PING", "SET", "TIME")
_OF_THE_CHECK = ("EVALSHA", "SCRIPT LOAD")
_CALL = re.compile(r"\bcall\(\s*'([A-Z]+)'")
# Each command gets as many arguments as one of its calls, all of them keys: a server may crash where some are missing.
_CHECK = """
local missing, key = {}, ARGV[1]
for number = 2, #ARGV do
  if not redis.acl_check_cmd(ARGV[number], key, key, key) then
    missing[#missing + 1] = ARGV[number]
  end
end
return missing
"""


@cache
def needed_commands() -> Sequence[str]:
    """Return the commands that the storage uses, in alphabetical order; ``SELECT`` only for another database than 0."""
    scripts = (files("agentos_redis.storage") / "lua").iterdir()
    found = {name for script in scripts for name in _CALL.findall(script.read_text("utf-8"))}
    return sorted(found.union(_OF_THE_CLIENT, _OF_THE_CHECK))


def missing_commands(client: Redis, prefix: str) -> Sequence[str]:
    """Return the commands that the user may not use on keys with a prefix. Raises the client's errors."""
    asked = [name for name in needed_commands() if name not in _OF_THE_CHECK]
    try:
        digest = client.script_load(_CHECK)
    except redis.exceptions.NoPermissionError:
        return ["SCRIPT LOAD"]
    try:
        return [name.decode() for name in client.evalsha(digest, 0, f"{prefix}none", *asked)]
    except redis.exceptions.NoPermissionError:
        return ["EVALSHA"]
