"""What every part of the configuration has in common: unknown keys are refused, values are frozen."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

from pdebridge.cube import target

Scale = Literal["test", "laptop", "workstation", "cluster"]
SCALES: tuple[Scale, ...] = ("test", "laptop", "workstation", "cluster")


class Strict(BaseModel):
    """A configuration section; a key that it does not know is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, content: Any) -> Any:
        """Refuse ``true`` where a number is wanted, which pydantic takes for 1."""
        for name, field in cls.model_fields.items():
            value = content.get(name) if isinstance(content, dict) else None
            if any(isinstance(item, bool) for item in (value if isinstance(value, list) else [value])):
                inside = _types(field.annotation)
                if {int, float} & inside and not {bool, Any} & inside:
                    raise ValueError(f"{name} must be a number (found {value!r})")
        return content


def _types(annotation: Any) -> set[Any]:
    """Return the types that an annotation is made of."""
    return {annotation}.union(*map(_types, get_args(annotation)))


class Named(Strict):
    """A value on an axis with its options; ``dense`` is short for ``{name: dense}``."""

    name: str
    """A known name, or ``module:Class`` for one's own."""
    options: dict[str, Any] = {}
    """Keyword arguments of the class."""


def _spelled_out(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


@dataclass(frozen=True)
class Of:
    """Mark a `Named` field whose name must be one of a kind in the catalogue, or ``module:name`` of one's own."""

    kind: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic spell the name out before validation, and look it up after it."""
        inner = core_schema.no_info_before_validator_function(_spelled_out, handler(source))
        return core_schema.no_info_after_validator_function(self.check, inner)

    def check(self, value: Named) -> Named:
        """Refuse a name that the catalogue does not have."""
        target(self.kind, value.name)
        return value


Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1, le=10**9)]
