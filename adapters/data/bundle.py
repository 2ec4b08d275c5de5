"""The bundled files as verified bytes: nothing of the bundle is used before its hash was checked.

``MANIFEST.json`` names every file with the sha256 of its uncompressed content. The hashes are over
the uncompressed bytes because other versions of zlib pack the same content differently.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from importlib.resources.abc import Traversable

import msgspec

from orchestrion.domain.errors import MarketDataError

FORMAT_VERSION = 1
MANIFEST_NAME = "MANIFEST.json"


class BundledFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: ``bytes`` and ``sha256`` of its uncompressed content, ``rows`` without header."""

    sha256: str
    bytes: int
    rows: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the bundle consists of, and out of which package versions it was made."""

    format_version: int
    days: int
    first_day: str
    last_day: str
    packages: dict[str, str]
    source_files: dict[str, str]
    files: dict[str, BundledFile]


class Bundle:
    """A folder of bundled files."""

    def __init__(self, folder: Traversable) -> None:
        """
        Raises:
            MarketDataError: no manifest, or one that this version cannot read.
        """
        self._folder = folder
        self.manifest = _manifest(self._bytes(MANIFEST_NAME))

    def read(self, name: str) -> bytes:
        """The uncompressed content of a file.

        Raises:
            MarketDataError: it is missing, cannot be unpacked, or is not what the manifest says.
        """
        packed = self._bytes(name)
        try:
            content = gzip.decompress(packed) if name.endswith(".gz") else packed
        except (OSError, EOFError, zlib.error) as error:
            raise _damaged(name, f"cannot be unpacked ({error})") from error
        if name not in self.manifest.files:
            raise _damaged(MANIFEST_NAME, f"does not name {name}")
        if hashlib.sha256(content).hexdigest() != self.manifest.files[name].sha256:
            raise _damaged(name, f"does not have the sha256 that {MANIFEST_NAME} gives")
        return content

    def _bytes(self, name: str) -> bytes:
        try:
            return self._folder.joinpath(name).read_bytes()
        except OSError as error:
            raise _damaged(name, "is missing or cannot be read") from error


def _manifest(content: bytes) -> Manifest:
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise _damaged(MANIFEST_NAME, f"cannot be read ({error})") from error
    if manifest.format_version != FORMAT_VERSION:
        raise _damaged(
            MANIFEST_NAME,
            f"has format version {manifest.format_version}, this program reads {FORMAT_VERSION}",
        )
    return manifest


def _damaged(name: str, fault: str) -> MarketDataError:
    return MarketDataError(f"bundled data, {name}: the file {fault}; reinstall the package")
