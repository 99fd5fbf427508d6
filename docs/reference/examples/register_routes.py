from agentos import hookimpl, web
from agentos.web import PUBLIC, ResponseSpec, Routes

routes = Routes("greetings", "Says hello.")


@routes.get("/greetings", access=PUBLIC, responses={200: ResponseSpec("A greeting.")})
def get_greeting():
    """Read a greeting."""
    return web.json_response({"greeting": "Hello"})


@hookimpl
def register_routes(register, server):
    register(routes)
