"""A model for real servers that asks for the weather."""

WEATHER_MODEL = """
from agentos import Agent, AgentOS, Finish, ModelProvider, TextDelta, ToolCallDelta, hookimpl

class Weather(ModelProvider):
    def stream(self, request):
        last = request.messages[-1]
        if last.role == "user" and request.tools:
            yield ToolCallDelta(index=0, id="call_1", name="weather", arguments='{"city": "Oslo"}')
            yield Finish("tool_calls")
            return
        if last.content.isdigit():
            for _ in range(int(last.content)):
                request.cancellation.wait(0.1)
                yield TextDelta("on ")
        for word in f"You said: {last.content}".split(" "):
            yield TextDelta(word + " ")
        yield Finish("stop")

@hookimpl
def register_model_providers(register, config):
    register("weather", lambda config: Weather())

server = AgentOS()
server.register_agent(Agent(id="shop", model="weather:m"))
"""
"""A program, and a plugin, with a model that asks for the weather and repeats what the user says."""
