"""From the names of the ``live`` section to a client and a feed, with secrets from the environment.

A configuration is also read where nothing is sent, for instance to replay a journal. So loading it
checks only how a name is written; the module behind it is imported by ``orchestrion validate`` and
by a live run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from orchestrion.adapters.settings.fault import Faults, KeyPath, shown
from orchestrion.adapters.settings.import_path import NotFoundError, imported
from orchestrion.adapters.settings.plain_data import as_list, as_map
from orchestrion.adapters.settings.process_settings import LiveSettings
from orchestrion.domain.errors import ConfigurationError

CLIENT_FORM = "package.module:Class"
FEED_FORM = "package.module:function"
_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_WORDS = ("secret", "password", "passphrase", "token", "api_key", "apikey", "private_key")
_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def check_live(content: Mapping[str, Any], faults: Faults, *, imports: bool) -> None:
    """Adds what is wrong with names, references and secrets of ``live``.

    Args:
        imports: whether the named modules are imported too, which runs their code.
    """
    live = as_map(content.get("live")) or {}
    for key, form in (("client", CLIENT_FORM), ("feed", FEED_FORM)):
        name = live.get(key)
        if not isinstance(name, str):
            continue
        if _PATH.fullmatch(name) is None:
            faults.add(("live", key), "no import path", f"write it as {form}", value=shown(name))
        elif imports:
            try:
                _imported(name, what=key, form=form)
            except NotFoundError as error:
                faults.add(("live", key), error.problem, error.advice)
    for key in ("client_config", "feed_config"):
        for path, value in _texts(live.get(key), ("live", key)):
            _check_text(path, value, faults)


def build_client(settings: LiveSettings, environ: Mapping[str, str]) -> Any:
    """A new client of the venue; it is not connected.

    Raises:
        ConfigurationError: no client is named, it cannot be imported or made, or an environment
            variable is missing. No message shows a value.
    """
    if settings.client is None:
        raise ConfigurationError(
            f"live.client is missing: name the client of your venue, {CLIENT_FORM}"
        )
    return _built(settings.client, "client", CLIENT_FORM, settings.client_config, environ)


def build_feed(settings: LiveSettings, environ: Mapping[str, str]) -> Any:
    """What the named feed function gives, or None when none is named.

    Raises:
        ConfigurationError: as ``build_client``.
    """
    if settings.feed is None:
        return None
    return _built(settings.feed, "feed", FEED_FORM, settings.feed_config, environ)


def _built(
    path: str, what: str, form: str, config: Mapping[str, Any], environ: Mapping[str, str]
) -> Any:
    make = _imported(path, what=what, form=form)
    arguments = {
        key: _filled_in(value, ("live", f"{what}_config", key), environ)
        for key, value in config.items()
    }
    try:
        return make(**arguments)
    except ConfigurationError:
        raise
    except Exception as failure:
        # Its text may hold an argument, and with it a secret: only the type is told.
        raise ConfigurationError(
            f"live.{what}: {path} cannot be made of {what}_config: {type(failure).__name__}"
        ) from failure


def _imported(path: str, *, what: str, form: str) -> Callable[..., Any]:
    found = imported(
        path,
        fits=callable,
        what="callables",
        form=form,
        advice=f"name something that makes a {what}",
    )
    return cast("Callable[..., Any]", found)


def _filled_in(value: Any, path: KeyPath, environ: Mapping[str, str]) -> Any:
    """A copy with every reference replaced."""
    content, items = as_map(value), as_list(value)
    if content is not None:
        return {key: _filled_in(one, (*path, key), environ) for key, one in content.items()}
    if items is not None:
        return [_filled_in(one, (*path, i), environ) for i, one in enumerate(items)]
    if not isinstance(value, str):
        return value
    missing = [one for one in _REFERENCE.findall(value) if one not in environ]
    if missing:
        where = ".".join(str(part) for part in path)
        raise ConfigurationError(f"{where}: the environment variable {missing[0]} is not set")
    return _REFERENCE.sub(lambda match: environ[match[1]], value)


def _texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    content, items = as_map(value), as_list(value)
    if content is not None:
        for key, one in content.items():
            yield from _texts(one, (*path, key))
    elif items is not None:
        for i, one in enumerate(items):
            yield from _texts(one, (*path, i))
    elif isinstance(value, str):
        yield path, value


def _check_text(path: KeyPath, value: str, faults: Faults) -> None:
    names = _REFERENCE.findall(value)
    for name in names:
        if _VARIABLE.fullmatch(name) is None:
            faults.add(path, "no name of an environment variable", "write it as ${NAME}")
    key = str(path[-1]).lower()
    if not names and any(word in key for word in _SECRET_WORDS):
        # The value is not shown: this message is copied into tickets.
        faults.add(
            path,
            "a secret would stand in every journal",
            "put it into an environment variable and write ${NAME}",
        )
