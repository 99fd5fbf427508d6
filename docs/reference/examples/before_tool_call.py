from agentos import Denied, hookimpl


@hookimpl
def before_tool_call(call, context):
    if call.name == "delete_file":
        return Denied("files must not be deleted")
    return None
