"""A plugin that registers operations and then fails."""

from agentos import hookimpl, web
from agentos.web import PUBLIC, ResponseSpec, Routes

routes = Routes("wall", "A wall.")


@routes.get("/wall", access=PUBLIC, responses={200: ResponseSpec("It.")})
def get_wall():
    """Look at the wall."""
    return web.json_response({})


@hookimpl
def register_routes(register, server):
    register(routes)
    raise RuntimeError("no paint left")
