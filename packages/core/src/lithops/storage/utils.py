"""Names that programs import from here; they live elsewhere."""

from lithops.errors import StorageNoSuchKeyError
from lithops.storage.cloudobject import CloudObject

__all__ = ["CloudObject", "StorageNoSuchKeyError"]
