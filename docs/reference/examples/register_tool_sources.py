from agentos import ToolSource, ToolSpec, hookimpl


class Clock(ToolSource):
    def list(self):
        return [ToolSpec("now", "Say what time it is.", {"type": "object", "properties": {}})]

    def call(self, name, arguments, context):
        return "12:00"


@hookimpl
def register_tool_sources(register):
    register("clock", Clock())
