"""The settings of the server."""

from __future__ import annotations

from typing import get_args

from agentos.api.kit.schemas.fields import Choice, StrictBoolean, StrictInteger, StrictString, StringList
from agentos.api.kit.schemas.structure import NestedList, Raw, ResponseSchema
from agentos.services.settings import Source


class SettingSchema(ResponseSchema):
    """A setting, and where its value came from."""

    name = StrictString("Its name in code and in the configuration file.", example="request_timeout")
    value = Raw(
        "What it is. Null where all of it is secret, also where it is set; of an address, the passwords are replaced by"
        " `***`.",
        nullable=True,
    )
    default = Raw("What it is where nothing sets it. Some depend on other settings.", nullable=True)
    is_set = StrictBoolean("Whether it has a value, which of a secret is not shown.")
    secret = StrictBoolean("Whether its value is a secret.")
    source = Choice("Where the value came from.", get_args(Source))
    place = StrictString("The variable or file that it came from.", nullable=True, example="AGENTOS_REQUEST_TIMEOUT")
    accepts = StrictString("What values it accepts, in words.", example="seconds, from 0.1 to 3600")
    help = StrictString("What it is for.")
    variables = StringList("The variables that set it, the strongest first.")
    plugin = StrictString("The plugin that it belongs to; null for the server's own.", nullable=True)


class SettingListSchema(ResponseSchema):
    """All settings: the server's own, and behind them those of plugins."""

    settings = NestedList(SettingSchema)
    count = StrictInteger("How many there are.")
    warnings = StringList("What is set and has no effect: a sentence for each variable that nothing reads.")
