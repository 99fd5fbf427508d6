import dataclasses

from agentos import Denied, Message, hookimpl


@hookimpl
def before_model_call(request, context):
    if "internal only" in request.messages[-1].content:
        return Denied("this text must not leave the house")
    note = Message("system", f"You speak with {context.owner}.")
    return dataclasses.replace(request, messages=[note, *request.messages])
