"""What every part of the configuration has in common: unknown keys are refused, values are frozen."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from pdebridge.cube import known, target

Scale = Literal["test", "laptop", "workstation", "cluster"]
SCALES: tuple[Scale, ...] = ("test", "laptop", "workstation", "cluster")


class Strict(BaseModel):
    """A configuration section; a key that it does not know is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Named(Strict):
    """A value on an axis with its options; ``dense`` is short for ``{name: dense}``."""

    name: str
    """A known name, or ``module:Class`` for one's own."""
    options: dict[str, Any] = {}
    """Keyword arguments of the class."""


def _spelled_out(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def on_axis(axis: str) -> Any:
    """Return the type of a `Named` value whose name must stand on an axis of the cube."""

    def check(value: Named) -> Named:
        target(axis, value.name)
        return value

    return Annotated[Named, BeforeValidator(_spelled_out), AfterValidator(check)]


def in_table(table: dict[str, str], kind: str, model: type[Named] = Named) -> Any:
    """Return the type of a `Named` value whose name must be a key of ``table`` (or ``module:name``)."""

    def check(value: Named) -> Named:
        if ":" not in value.name:
            known(value.name, table, kind)
        return value

    return Annotated[model, BeforeValidator(_spelled_out), AfterValidator(check)]


Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
