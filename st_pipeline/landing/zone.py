"""The landing zone: a folder or URL with Parquet files, each written completely or not at all.

ledger.py records which files count. Paths are relative to the zone, in Hive style:
``<entity>/tenant=<key>/landed=<date>/<batch>-<n>.parquet``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq

COMPRESSION_LEVEL = 3
UNFINISHED = ".unfinished"
OWNER = ".st_pipeline_owner"


def file_path(entity: str, tenant: str, landed_at: datetime, batch: str, n: int) -> str:
    """The path of a landed file inside the zone."""
    return f"{entity}/tenant={tenant}/landed={landed_at:%Y-%m-%d}/{batch}-{n}.parquet"


class LandingZone:
    """Files under a local folder, or under a URL that pyarrow knows (``s3://``, ``gs://``, ``abfs://``)."""

    def __init__(self, location: str) -> None:
        self.location = location
        if "://" in location:
            self._files, self._root = pyarrow.fs.FileSystem.from_uri(location)
        else:
            self._files, self._root = pyarrow.fs.LocalFileSystem(), str(Path(location).resolve())
        self._is_local = isinstance(self._files, pyarrow.fs.LocalFileSystem)
        self.owner: str | None = None
        """The installation that the zone is known to belong to (ownership.py); None until that was checked."""

    def writer(self, path: str, schema: pa.Schema) -> FileWriter:
        """Start a file. It gets its name only after ``close()``."""
        return FileWriter(self._files, self._absolute(path), schema, is_local=self._is_local)

    def reader(self, path: str) -> pq.ParquetFile:
        """A landed file, open for reading by row group."""
        return pq.ParquetFile(self._absolute(path), filesystem=self._files, pre_buffer=False)

    def probe(self) -> None:
        """Write and delete a file. Raises OSError if the zone isn't writable."""
        path = self._absolute(".probe")
        self._files.create_dir(self._root, recursive=True)
        with self._files.open_output_stream(path) as stream:
            stream.write(b"")
        self._files.delete_file(path)

    def read_owner(self) -> str | None:
        """The installation that marked the zone; None if none did."""
        try:
            with self._files.open_input_stream(self._absolute(OWNER)) as stream:
                return stream.read().decode().strip()
        except FileNotFoundError:
            return None

    def write_owner(self, installation: str) -> None:
        """Mark the zone as that installation's. Others read the whole mark or none."""
        self._files.create_dir(self._root, recursive=True)
        # An object appears when it is complete; a file needs another name until it is.
        target = self._absolute(f"{OWNER}-{secrets.token_hex(4)}" if self._is_local else OWNER)
        with self._files.open_output_stream(target) as stream:
            stream.write(f"{installation}\n".encode())
        if self._is_local:
            Path(target).rename(self._absolute(OWNER))

    def paths(self) -> set[str]:
        """The paths of all landed files that exist, whether a ledger knows them or not."""
        found = self._files.get_file_info(pyarrow.fs.FileSelector(self._root, allow_not_found=True, recursive=True))
        return {
            str(PurePosixPath(info.path).relative_to(self._root)) for info in found if info.path.endswith(".parquet")
        }

    def sweep(self, entity: str, tenant: str, known: Collection[str]) -> list[str]:
        """Delete files left by a crash: those of this entity and tenant that are not ``known`` to the ledger.

        The caller must hold the tenant's lock. Returns the deleted paths.
        """
        folder = self._absolute(f"{entity}/tenant={tenant}")
        found = self._files.get_file_info(pyarrow.fs.FileSelector(folder, allow_not_found=True, recursive=True))
        keep = {self._absolute(path) for path in known}
        swept = [info.path for info in found if info.type == pyarrow.fs.FileType.File and info.path not in keep]
        for path in swept:
            self._files.delete_file(path)
        return swept

    def _absolute(self, path: str) -> str:
        return str(PurePosixPath(self._root) / path)


class FileWriter:
    """One Parquet file being written.

    A background thread writes one row group at a time, so memory holds the group being written and the one being
    filled. A write error is raised by the next call.
    """

    def __init__(self, files: pyarrow.fs.FileSystem, path: str, schema: pa.Schema, *, is_local: bool) -> None:
        self._files, self._path, self._is_local = files, path, is_local
        self._target = path + UNFINISHED if is_local else path
        files.create_dir(str(PurePosixPath(path).parent), recursive=True)
        self._stream: Any = files.open_output_stream(self._target)
        self._parquet = pq.ParquetWriter(
            self._stream,
            schema,
            compression="zstd",
            compression_level=COMPRESSION_LEVEL,
            # Verbatim records never repeat, so a dictionary for them would be wasted work.
            use_dictionary=[name for name in schema.names if name != "_record"],  # pyright: ignore[reportArgumentType]
            write_statistics=[name for name in schema.names if name != "_record"],
        )
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="parquet")
        self._writing: Future[None] | None = None

    def write(self, rows: pa.Table) -> None:
        """Append one row group after the previous one is written."""
        self._settle()
        self._writing = self._pool.submit(self._parquet.write_table, rows, row_group_size=max(rows.num_rows, 1))

    def _settle(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def close(self) -> int:
        """Finish the file, make it durable under its name, and return its size in bytes."""
        self._settle()
        self._pool.shutdown()
        self._parquet.close()
        self._stream.close()
        if self._is_local:
            with open(self._target, "rb") as file:  # noqa: PTH123 - a path of pyarrow's
                os.fsync(file.fileno())
            Path(self._target).rename(self._path)
            folder = os.open(Path(self._path).parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        return self._files.get_file_info(self._path).size or 0

    def abandon(self) -> None:
        """Try to leave nothing behind. This is called after something has already gone wrong."""
        self._pool.shutdown()
        with contextlib.suppress(OSError, pa.ArrowException):
            self._parquet.close()
        with contextlib.suppress(OSError, pa.ArrowException):
            self._stream.close()
        with contextlib.suppress(OSError):
            self._files.delete_file(self._target)
