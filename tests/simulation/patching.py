"""How the connector is broken on purpose, for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Patch:
    """Replaces attributes, and puts them back."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def set(self, owner: Any, name: str, value: Any) -> Any:
        """Replace `owner.name`; return what was there."""
        before = owner.__dict__[name]
        self._before.append((owner, name, before))
        setattr(owner, name, value)
        return before

    def undo(self) -> None:
        """Put everything back, in reverse."""
        while self._before:
            setattr(*self._before.pop())


Mutation = Callable[[Patch], None]
"""Breaks the connector in one way; the first sentence of its docstring is what the table shows."""


SEEDS: dict[Mutation, int] = {}
"""Of rare ones: the seed that is tried first."""


class Mutations(list[Mutation]):
    """Those of one file."""

    def add(self, function: Mutation) -> Mutation:
        """Take one in, as a decorator does."""
        self.append(function)
        return function

    def rare(self, seed: int) -> Callable[[Mutation], Mutation]:
        """Take one in that few worlds notice: the one of this seed does, and is tried first."""

        def add(function: Mutation) -> Mutation:
            SEEDS[function] = seed
            return self.add(function)

        return add


@contextmanager
def mutated(mutation: Mutation) -> Iterator[None]:
    """Break the connector in this way for a while."""
    patch = Patch()
    try:
        mutation(patch)
        yield
    finally:
        patch.undo()


def what(mutation: Mutation) -> str:
    """Name a mutation in words."""
    return (mutation.__doc__ or "").strip().partition("\n")[0].rstrip(".")
