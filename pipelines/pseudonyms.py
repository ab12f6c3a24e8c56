"""Keyed pseudonyms: the same person or account gives the same mark, and nobody without the key can go back.

HMAC-SHA-256 under a key that never leaves the restricted store. Marks differ between datasets and columns, so that two
extracts cannot be joined on them. Here belongs the key and its use, not which columns are keyed (`ingest`).
"""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

ENVIRONMENT = "PLACES_PSEUDONYM_KEY"


class Pseudonyms:
    """Makes marks with one key: from the environment (PLACES_PSEUDONYM_KEY), else from a file made on first use."""

    def __init__(self, restricted: Path) -> None:
        given = os.environ.get(ENVIRONMENT, "")
        self._key = given.encode() if given else _key_file(restricted / "pseudonym.key")
        if len(self._key) < 32:
            raise ValueError(
                f"the pseudonym key is too short: wanted at least 32 characters, found {len(self._key)}"
            )

    def mark(self, dataset: str, column: str, value: str) -> str:
        """The mark of a value: 24 hexadecimal digits (96 bits; two values share one with odds below 1 in 10^14)."""
        message = "\x1f".join((dataset, column, " ".join(value.split()).upper())).encode()
        return hmac.new(self._key, message, "sha256").hexdigest()[:24]


def _key_file(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes().strip()
    with os.fdopen(handle, "wb") as stream:
        key = secrets.token_hex(32).encode()
        stream.write(key)
        stream.flush()
        os.fsync(stream.fileno())
    return key
