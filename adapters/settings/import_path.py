"""Import paths ``package.module:name``: how a configuration names the user's own code.

Importing runs that code; whatever it raises is reported as a fault of the configuration, with the
exception's own words.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from orchestrion.adapters.settings.fault import did_you_mean
from orchestrion.domain.errors import ConfigurationError


class NotFoundError(ConfigurationError):
    """What a configuration names does not exist. ``advice`` says what to do."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(f"{problem}; {advice}")
        self.problem = problem
        self.advice = advice


def is_import_path(name: str) -> bool:
    """Whether a name means the user's own code; ours have no colon."""
    return ":" in name


def imported(
    path: str, *, fits: Callable[[object], bool], what: str, form: str, advice: str
) -> object:
    """What stands under an import path.

    Args:
        fits: whether an object is one of those that can be named here.
        what: what they are called, in the plural.
        form: how a path to one looks.
        advice: what to do when something else stands there.

    Raises:
        NotFoundError: there is no such thing; the message names the near matches.
    """
    module_name, _, name = path.partition(":")
    if not all(part.isidentifier() for part in (*module_name.split("."), name)):
        raise NotFoundError(f"{path!r} is no import path", f"write it as {form}")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and f"{module_name}.".startswith(f"{missing}."):
            where = "is it installed, or does it lie beside the configuration?"
            raise NotFoundError(f"there is no module {module_name!r}", where) from error
        raise NotFoundError(
            f"importing {module_name!r} raised {type(error).__name__}: {error}",
            "correct the module",
        ) from error
    found: object = getattr(module, name, None)
    if found is None:
        names = [key for key, one in vars(module).items() if fits(one)]
        there = did_you_mean(name, names, what=f"its {what} are")
        raise NotFoundError(f"{module_name!r} has no {name!r}", there)
    if not fits(found):
        raise NotFoundError(f"{path!r} cannot be used here", advice)
    return found
