from agentos import Agent, hookimpl


@hookimpl
def register_agents(register):
    register(Agent(id="clerk", model="scripted:echo", instructions="You work at a town hall."))
