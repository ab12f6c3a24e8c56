"""Keyed pseudonyms: the same person or account gives the same mark, and nobody without the key can go back.

HMAC-SHA-256 under a key that never leaves the restricted store. Marks differ between datasets and columns, so that two
extracts cannot be joined on them. Here belong the key, the former keys, and their use, not which columns are keyed
(`ingest`) nor what was forgotten (`forgetting`).
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from pathlib import Path

ENVIRONMENT = "PLACES_PSEUDONYM_KEY"
FILE = "pseudonym.key"
FORMER = "former_keys"
LAST = "pseudonym.fingerprint"


class KeyUnusable(ValueError):
    """A pseudonym key that would protect nobody; the message says what was wanted."""


class Pseudonyms:
    """Makes marks with one key: from the environment (PLACES_PSEUDONYM_KEY), else from a file made on first use.

    `key` is for a former key; see `former_pseudonyms`.
    """

    def __init__(self, restricted: Path, key: bytes | None = None) -> None:
        given = os.environ.get(ENVIRONMENT, "")
        self._key = key or (given.encode() if given else _key_file(restricted / FILE))
        if len(self._key) < 32:
            raise KeyUnusable(
                f"the pseudonym key is too short: wanted at least 32 characters, found {len(self._key)}; "
                f"see {ENVIRONMENT}"
            )

    @property
    def fingerprint(self) -> str:
        """Which key it is, without telling the key: 16 hexadecimal digits."""
        return hmac.new(self._key, b"fingerprint", "sha256").hexdigest()[:16]

    def is_new(self, restricted: Path) -> bool:
        """Whether the tables of a restricted store were made with another key, as far as it remembers."""
        try:
            return (restricted / LAST).read_text("ascii").strip() != self.fingerprint
        except FileNotFoundError:
            return True

    def remember(self, restricted: Path) -> None:
        """Note in the restricted store, by its fingerprint, that this key is in use."""
        (restricted / LAST).write_text(self.fingerprint + "\n", "ascii")

    def mark(self, dataset: str, column: str, value: str) -> str:
        """The mark of a value: 24 hexadecimal digits (96 bits; two values share one with odds below 1 in 10^14)."""
        message = "\x1f".join((dataset, column, " ".join(value.split()).upper())).encode()
        return hmac.new(self._key, message, "sha256").hexdigest()[:24]

    def forgotten(self, dataset: str, column: str, mark: str) -> str:
        """The mark of a mark, by which a forgotten person is known again: it stands in no table."""
        message = "\x1f".join(("forgotten", dataset, column, mark)).encode()
        return hmac.new(self._key, message, "sha256").hexdigest()


def former_pseudonyms(restricted: Path) -> list[Pseudonyms]:
    """Those of the former keys, which are kept (`restricted/former_keys/*.key`) to know forgotten persons by."""
    return [
        Pseudonyms(restricted, path.read_bytes().strip())
        for path in sorted((restricted / FORMER).glob("*.key"))
    ]


def _key_file(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        path.chmod(0o600)  # whatever became of it
        return path.read_bytes().strip()
    # Written aside: a run that is killed here, or a full disk, must not leave half a key under the key's name.
    aside = path.with_name(f".{path.name}.{secrets.token_hex(16)}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(secrets.token_hex(32).encode())
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(aside, path)
        except FileExistsError:
            pass  # somebody else's, made in this moment
        except OSError:  # a file system without links
            aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return path.read_bytes().strip()
