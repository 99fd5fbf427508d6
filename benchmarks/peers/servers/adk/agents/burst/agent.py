"""An agent of the stub's model ``burst-10``."""

from google.adk.agents import LlmAgent  # type: ignore[import-not-found]
from google.adk.models.lite_llm import LiteLlm  # type: ignore[import-not-found]

root_agent = LlmAgent(name="assistant", model=LiteLlm(model="openai/burst-10"))
