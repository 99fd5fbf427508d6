from agentos import Finish, ModelProvider, TextDelta, hookimpl


class Parrot(ModelProvider):
    def stream(self, request):
        yield TextDelta(f"{request.model}: {request.messages[-1].content}")
        yield Finish("stop")


@hookimpl
def register_model_providers(register):
    register("parrot", lambda config: Parrot())
