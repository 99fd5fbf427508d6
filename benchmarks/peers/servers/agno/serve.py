"""Agno's AgentOS with an agent for each model of the stub, as its quick start has one."""

from agno.agent import Agent  # type: ignore[import-not-found]
from agno.db.sqlite import SqliteDb  # type: ignore[import-not-found]
from agno.models.openai import OpenAIChat  # type: ignore[import-not-found]
from agno.os import AgentOS  # type: ignore[import-not-found]

MODELS = ("burst-10", "paced-20ms-100")

agent_os = AgentOS(
    agents=[
        Agent(
            id=model,
            model=OpenAIChat(id=model),
            db=SqliteDb(db_file="agno.db"),
            add_history_to_context=True,
            num_history_runs=20,
            telemetry=False,
        )
        for model in MODELS
    ],
    telemetry=False,
)
app = agent_os.get_app()

if __name__ == "__main__":
    agent_os.serve(app="serve:app")
