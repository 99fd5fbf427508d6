"""Options by which servers of one wire format differ: named, with a few accepted values each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol, Self, TypeVar, get_args, get_type_hints

from agentos.errors import ProviderError
from agentos.models.wire.options import mapping


class Options(Protocol):
    """A frozen dataclass of options, such as :class:`~agentos.Dialect`."""

    def with_options(self, options: Mapping[str, Any]) -> Self:
        """Return it with some options replaced; raise ``ValueError`` for a name or value that is not one."""


D = TypeVar("D", bound=Options)


def accepted_options(dialect: type) -> Mapping[str, tuple[Any, ...]]:
    """Return the options of a dialect with their accepted values."""
    return {name: get_args(hint) or (True, False) for name, hint in get_type_hints(dialect).items()}


def with_options(dialect: Any, accepted_by_name: Mapping[str, tuple[Any, ...]], options: Mapping[str, Any]) -> Any:
    """Return a dialect with some options replaced; raise ``ValueError`` for a name or value that is not one."""
    for name, value in options.items():
        accepted = accepted_by_name.get(name)
        if accepted is None:
            raise ValueError(f"dialect option {name!r} does not exist; accepted: {', '.join(accepted_by_name)}")
        # True == 1, but 1 is no answer to a question.
        if not any(value is one or (isinstance(value, str) and value == one) for one in accepted):
            shown = ", ".join("true" if one is True else "false" if one is False else repr(one) for one in accepted)
            raise ValueError(f"dialect option {name!r} is {value!r}; accepted: {shown}")
    return dataclasses.replace(dialect, **options)


def dialect_of_agent(parameters: Mapping[str, Any], dialect: D) -> D:
    """Return the dialect with the agent's own options; raise :class:`~agentos.errors.ProviderError`."""
    options = mapping(parameters, "dialect")
    if not options:
        return dialect
    try:
        return dialect.with_options(options)
    except ValueError as error:
        raise ProviderError(f"the agent's parameter 'dialect' is not accepted: {error}") from error
