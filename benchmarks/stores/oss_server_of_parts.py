"""The OSS server of tests/emulators, that also lists an upload's parts: `oss_server_of_parts.py PORT`.

oss2's `resumable_upload` asks for them once, when none was sent yet.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from tests.emulators import oss_server
from tests.emulators.oss_layer import Answer, perform
from tests.emulators.oss_signatures import AccessKey, Request
from tests.emulators.oss_store import Store

_NO_PARTS = (
    b"<ListPartsResult><NextPartNumberMarker>0</NextPartNumberMarker><IsTruncated>false</IsTruncated></ListPartsResult>"
)


def perform_or_list_parts(store: Store, keys: Mapping[str, AccessKey], request: Request, body: bytes) -> Answer:
    """Do what the server does, and tell of an upload that has just begun that it has no parts."""
    if request.method == "GET" and "uploadId" in dict(request.params):
        return Answer(200, {"Content-Type": "application/xml"}, [_NO_PARTS], len(_NO_PARTS))
    return perform(store, keys, request, body)


if __name__ == "__main__":
    oss_server.perform = perform_or_list_parts  # type: ignore[attr-defined]  # it imports the name
    oss_server.main(int(sys.argv[1]))
