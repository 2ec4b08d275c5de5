"""Putting something else in the place of a piece of real code, for as long as a context is open."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeAlias

Mutant: TypeAlias = Callable[[], AbstractContextManager[None]]


@contextmanager
def replaced(*changes: tuple[Any, str, Any]) -> Generator[None]:
    """Attributes of classes and modules with other values: (owner, name, value)."""
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in changes]
    for owner, name, value in changes:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


def replacing(*changes: tuple[Any, str, Any]) -> Mutant:
    """A mutant that only replaces."""
    return lambda: replaced(*changes)


def original(owner: Any, name: str) -> Any:
    """What stands there now, to be called by what replaces it."""
    return vars(owner)[name]
