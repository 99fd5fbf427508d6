"""Models of pydantic, in a module of their own: they need it when they are imported."""

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Colour(Enum):
    RED = "red"


class Place(BaseModel):
    model_config = ConfigDict(extra="forbid")

    city: str

    @field_validator("city")
    @classmethod
    def check(cls, city: str) -> str:
        if city == "Atlantis":
            raise ValueError("Atlantis sank")
        return city


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: Annotated[int, Field(ge=1, le=9)]


class Dog(BaseModel):
    kind: Literal["dog"]


class Order(BaseModel):
    """An order."""

    place: Place
    price: Decimal
    day: date
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    colour: Colour = Colour.RED
    notes: dict[str, Place] = {}


class Tree(BaseModel):
    children: "list[Tree]" = []
