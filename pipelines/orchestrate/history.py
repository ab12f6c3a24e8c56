"""How Dagster's history of runs is stored: its own SQLite files, each kept open instead of opened for every event.

Dagster opens, writes, flushes and closes a database for each of the four or so events of a step, and several times for
some. Measured on 62 steps and their checks, beside 7 s of work: 9 s that way and 3.5 s this way on an idle disk, 40 s
and 4 s on a busy one. The files are the same: without this class they are read and written as before, only slower.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy
from dagster import DagsterEventType  # noqa: F401  (the package must be whole before its storage is imported)
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy.pool import StaticPool

# The run at work, the index of all runs, and a few that somebody looks at.
KEPT_OPEN = 6
BUSY_SECONDS = 30


class History(SqliteEventLogStorage):
    """Dagster's SQLite event log with at most `KEPT_OPEN` databases kept open by a process."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._open: OrderedDict[str, sqlalchemy.Engine] = OrderedDict()
        self._open_lock = threading.Lock()
        self._is_there: set[tuple[str, str]] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> History:
        """Called by Dagster with what dagster.yaml says."""
        return cls(inst_data=inst_data, **config_value)

    @contextlib.contextmanager
    def _connect(self, shard: str) -> Iterator[sqlalchemy.Connection]:
        with self._open_lock:
            with self._engine(shard).begin() as connection:
                driver = connection.connection.driver_connection
                before = driver.total_changes if driver else 0
                yield connection
                is_changed = driver is not None and driver.total_changes != before
            if is_changed:
                # Dagster's pages watch this file; what was written is still in the log beside it.
                os.utime(self.path_for_shard(shard))

    def _engine(self, shard: str) -> sqlalchemy.Engine:
        if shard in self._open:
            self._open.move_to_end(shard)
            return self._open[shard]
        engine = sqlalchemy.create_engine(
            self.conn_string_for_shard(shard),
            poolclass=StaticPool,
            # One lock guards the connection, so that threads may share it.
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        )
        sqlalchemy.event.listen(engine, "connect", _flush_seldom)
        self._initdb(engine)
        self._open[shard] = engine
        while len(self._open) > KEPT_OPEN:
            self._open.popitem(last=False)[1].dispose()
        return engine

    # Dagster asks at every event whether the index has a table, a column, a finished migration. What is there stays.

    def has_table(self, table_name: str) -> bool:
        """Whether the index of all runs has a table."""
        return self._known("table", table_name, lambda: super(History, self).has_table(table_name))

    def has_secondary_index(self, name: str) -> bool:
        """Whether a migration of the index of all runs is done."""
        return self._known("migration", name, lambda: super(History, self).has_secondary_index(name))

    def _has_asset_key_col_on_connection(self, conn: sqlalchemy.Connection, column_name: str) -> bool:
        ask = super()._has_asset_key_col_on_connection
        return self._known("column", column_name, lambda: ask(conn, column_name))

    def _known(self, kind: str, name: str, ask: Callable[[], bool]) -> bool:
        if (kind, name) not in self._is_there and ask():
            self._is_there.add((kind, name))
        return (kind, name) in self._is_there

    def delete_events(self, run_id: str) -> None:
        """Forget a run's events, and its file."""
        super().delete_events(run_id)
        with self._open_lock:
            if run_id in self._open:
                self._open.pop(run_id).dispose()
            self._initialized_dbs.discard(run_id)
            for ending in ("", "-wal", "-shm"):
                with contextlib.suppress(OSError):  # Windows: somebody is reading it; it is empty by now
                    Path(f"{self.path_for_shard(run_id)}{ending}").unlink(missing_ok=True)

    def dispose(self) -> None:
        """Close every database."""
        with self._open_lock:
            while self._open:
                self._open.popitem()[1].dispose()
        super().dispose()


def _flush_seldom(connection: sqlite3.Connection, _: object) -> None:
    # With a write-ahead log (which Dagster sets) this loses the last events if the power fails, never the file.
    connection.execute("PRAGMA synchronous=NORMAL")
