"""Any store as a file system of fsspec, so that pandas, pyarrow and zarr read and write through it.

    fs_entries     keys -> files and folders
    fs_objects     parts of one object, local files
    fs_files       open files
    fs_lookups -> fs_transfers -> fs_changes -> LithopsFileSystem, here: how it is opened, told apart, pickled

Paths are `bucket/key`. Nothing is cached but what an open file has read: each answer is the store's.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from lithops.errors import MissingDependencyError

try:
    from fsspec import AbstractFileSystem, register_implementation
    from fsspec.core import get_compression
    from fsspec.utils import tokenize
except ImportError as exc:
    raise MissingDependencyError(
        'cannot use lithops.storage.fs: the package fsspec is not installed; run: pip install "lithops-core[fs]"'
    ) from exc

from lithops.spi.storage import StorageBackend
from lithops.storage.api import Storage
from lithops.storage.fs_changes import FileSystemChanges
from lithops.storage.fs_files import LithopsFile, layered
from lithops.types import StorageRef

__all__ = ["LithopsFileSystem", "filesystem"]

_BLOCK_BYTES = 5 << 20
_TEXT_OPTIONS = ("encoding", "errors", "newline")


class _ByStore(type(AbstractFileSystem)):  # type: ignore[misc]
    """Keep open stores out of fsspec's cache of instances: it tells arguments apart by their text, and would mix them up."""

    def __call__(cls, storage: Any = None, *args: Any, **options: Any) -> Any:
        if isinstance(storage, (Storage, StorageBackend)):
            options["skip_instance_cache"] = True
        if storage is not None:
            options["storage"] = storage
        return super().__call__(*args, **options)


class LithopsFileSystem(FileSystemChanges, metaclass=_ByStore):
    """The objects of one store as files; thread-safe, but for transactions. Opening it sends no request.

    `storage` is a `Storage`, or a backend; without it, `config` and `backend` are `Storage`'s. `threads` is how many
    requests a verb on many files has under way, `default_block_size` how many bytes an open file reads at least.
    A copy made by pickle carries no credentials: it takes those of the place where it is opened.
    """

    def __init__(
        self,
        storage: Storage | StorageBackend | Mapping[str, Any] | None = None,
        config: Mapping[str, Any] | None = None,
        backend: str | None = None,
        *,
        threads: int = 32,
        default_block_size: int = _BLOCK_BYTES,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.storage = _opened(storage, config, backend)
        self.store = self.storage._store
        self.threads = threads
        self.default_block_size = default_block_size
        self._gathered = threading.local()

    def open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        cache_options: Mapping[str, Any] | None = None,
        compression: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Open a file to read (`r`), to write anew (`w`), to create (`x`) or to append to (`a`), as bytes (`b`) or text.

        What is written becomes the file when it is closed, and never if its `with` ends by an exception. Appending
        reads and writes all of it. `compression` is fsspec's, such as `gzip` or `infer`.
        """
        if "r" in mode:
            return super().open(path, mode, block_size, cache_options, compression, **kwargs)
        text = None
        if "b" not in mode:
            text = {name: kwargs.pop(name) for name in _TEXT_OPTIONS if name in kwargs}
        packer = None
        if compression is not None:
            from fsspec.compression import compr

            name = get_compression(path, compression)
            packer = compr[name] if name else None
        file = super().open(path, mode.replace("t", "").replace("b", "") + "b", block_size, cache_options, **kwargs)
        return layered(file, compress=packer, text=text)

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> LithopsFile:
        size = block_size if isinstance(block_size, int) else self.default_block_size
        return LithopsFile(
            self, path, mode, block_size=size, autocommit=autocommit, cache_options=cache_options, **kwargs
        )

    def to_dict(self, *, include_password: bool = True) -> dict[str, Any]:
        """Describe it for `from_dict` of fsspec, without any secret."""
        cls = type(self)
        return {"cls": f"{cls.__module__}:{cls.__name__}", "protocol": self.protocol, "args": [], **self._reference()}

    def to_json(self, *, include_password: bool = True) -> str:
        """Describe it for `from_json` of fsspec, without any secret."""
        return json.dumps(self.to_dict())

    @property
    def fsid(self) -> str:
        """What is the same for the same store everywhere."""
        return f"lithops-{self._fs_token}"

    @property
    def _fs_token(self) -> str:
        return str(tokenize(json.dumps(self._reference(), sort_keys=True)))

    def _reference(self) -> dict[str, Any]:
        ref = self.store.ref(self.storage.bucket or "")
        fields = {**ref._asdict(), "options": dict(ref.options), "name": self.storage.backend}
        return {"storage": fields, "threads": self.threads, "default_block_size": self.default_block_size}

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (type(self), self._reference())


def filesystem(
    storage: Storage | StorageBackend | None = None,
    config: Mapping[str, Any] | None = None,
    backend: str | None = None,
    **options: Any,
) -> LithopsFileSystem:
    """Open a store as a file system: the given one, or what the configuration names."""
    return LithopsFileSystem(storage=storage, config=config, backend=backend, **options)


def _opened(storage: Any, config: Mapping[str, Any] | None, backend: str | None) -> Storage:
    if storage is None:
        return Storage(config=config, backend=backend)
    if config is not None or backend is not None:
        raise ValueError(
            "a file system takes an open storage, or a config and a backend: leave out the one or the other"
        )
    if isinstance(storage, Storage):
        return storage
    if isinstance(storage, StorageBackend):
        return Storage.over(storage)
    if isinstance(storage, Mapping):  # what `_reference` gives: of a pickle, or of JSON
        from lithops.worker.stores import Stores

        ref = StorageRef(**storage)
        return Storage.over(Stores().open(ref), ref.bucket or None, ref.name)
    raise TypeError(f"a Storage or a backend of one is needed, not {storage!r}: make one by lithops.Storage()")


def _reopened(kind: type[LithopsFileSystem], options: Mapping[str, Any]) -> LithopsFileSystem:
    return kind(**options)


register_implementation("lithops", LithopsFileSystem, clobber=True)
