"""Agents for OpenAI's own client: one model, which does what the last message asks for."""

from agentos import Agent, Finish, ModelProvider, TextDelta, hookimpl


class Helper(ModelProvider):
    """Does what the last message of the user asks for."""

    def stream(self, request):
        yield TextDelta(f"You said: {request.messages[-1].content}")
        yield Finish("stop")


helper = Agent(id="helper", model="conformance:helper")
slow = Agent(id="slow", model="conformance:slow")


@hookimpl
def register_model_providers(register, config):
    register("conformance", lambda config: Helper())
