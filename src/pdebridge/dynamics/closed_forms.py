"""Closed forms belong to the methods that they were derived from: a class that changes one inherits none."""

from typing import Any, ClassVar

UNRELATED = frozenset({"derived", "unrelated", "extra_repr", "training"})


class ClosedForms:
    """A class of which some methods are derived by hand from others: an adjoint from a value, an inverse from a step.

    A class that changes what such a method was derived from, in its body, through another base class or by another
    order of them, and does not state it again, has in its place the general form: that of the class that first
    declares it. ``linearise = Parent.linearise`` in its body states that the inherited one still holds.

    Attributes:
        derived: the methods (or other attributes) that are derived from the rest.
        unrelated: attributes that they do not depend on.
    """

    derived: ClassVar[tuple[str, ...]] = ()
    unrelated: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **options: Any) -> None:
        """Replace what does not hold for the new class."""
        super().__init_subclass__(**options)
        for name in cls.derived:
            owners = [c for c in cls.__mro__ if name in vars(c)]
            if cls.changes(owners[0]):
                setattr(cls, name, vars(owners[-1])[name])

    @classmethod
    def changes(cls, owner: type) -> bool:
        """Tell whether anything that the owner's methods could meet is another one in this class."""
        order = cls.__mro__.index(owner)
        if cls.__mro__[order:] != owner.__mro__:
            return True
        own = {name for c in cls.__mro__[:order] for name in vars(c)}
        own -= {*cls.derived, *cls.unrelated, *UNRELATED}
        return any(hasattr(owner, name) and not inert(name) for name in own)


def inert(name: str) -> bool:
    """Tell whether Python gives every class the attribute, or it makes and shows objects only."""
    special = name.startswith("__") and name not in ("__call__", "__getattr__", "__getattribute__")
    return special or name == "_abc_impl"
