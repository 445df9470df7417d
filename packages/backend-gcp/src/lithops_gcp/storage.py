"""Objects in Google Cloud Storage, by its JSON API: one request for each small put and get.

`session` sends, `uploads` has large bodies, `batches` many deletions, `errors` what answers mean, `names` which keys
there can be, `credentials` who asks. The SDK's client is made for users who ask for it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Lock
from typing import Any, BinaryIO, ClassVar
from urllib.parse import quote

import requests

from lithops.errors import LithopsError, NoSuchBucketError, ObjectExistsError, StorageError, StorageNoSuchKeyError
from lithops.objects.parts import cut, size_of
from lithops.objects.streams import EMPTY, AnswerStream
from lithops.spi.storage import ByteStream, StorageBackend, StorageFeature
from lithops.types import Buffer, ObjectInfo, Span, StorageRef
from lithops_gcp.batches import MOST_CALLS, delete_batch
from lithops_gcp.credentials import Identity, anonymous, find, load
from lithops_gcp.errors import Said, failure, is_success, translate, understand
from lithops_gcp.names import bucket_path, object_path, quoted, refusal_of_bucket
from lithops_gcp.options import StorageOptions, options_of
from lithops_gcp.session import GOOGLE, Session
from lithops_gcp.uploads import CHUNK_BYTES, Upload, in_pieces, put_back

__all__ = ["GcpStorage"]

_API = "/storage/v1"
_PAGE = 1000
_FIELDS = "size,generation,updated"
_BATCHES_AT_ONCE = 4
_WAIT_S = 3600.0
_OCTETS = {"Content-Type": "application/octet-stream"}
_AS_STORED = "gzip"  # else Google unpacks what was stored with `Content-Encoding: gzip`, and sizes and spans are others


class GcpStorage(StorageBackend):
    """Objects of Cloud Storage. `etag` is the object's generation, which names its content."""

    features: ClassVar[StorageFeature] = StorageFeature.CONDITIONAL_PUT

    def __init__(self, options: StorageOptions, *, is_worker: bool = False) -> None:
        self._default_bucket = options.storage_bucket
        self._region = options.region
        self._project = options.project_name or options.project
        path = options.credentials_path
        self._credentials_path = os.path.abspath(os.path.expanduser(path)) if path else None
        self._endpoint = options.endpoint or _emulator()
        self._is_worker = is_worker
        self._session = Session((self._endpoint or GOOGLE).rstrip("/"), self._identify)
        self._client: Any = None
        self._client_lock = Lock()

    @classmethod
    def from_ref(cls, ref: StorageRef) -> GcpStorage:
        return cls(options_of(ref), is_worker=True)

    def ref(self, bucket: str) -> StorageRef:
        options = {
            "storage_bucket": self._default_bucket,
            "region": self._region,
            "project_name": self._project,
            "credentials_path": self._credentials_path,
            "endpoint": self._endpoint,
        }
        given = {key: value for key, value in options.items() if value is not None}
        return StorageRef(f"{__name__}:{type(self).__name__}", bucket, given)

    def put(
        self, bucket: str, key: str, body: Buffer | Sequence[Buffer] | BinaryIO, *, if_absent: bool = False
    ) -> ObjectInfo:
        path = f"/upload{_API}{bucket_path(bucket)}/o"
        query = f"&name={quoted(bucket, key)}&fields={_FIELDS}{'&ifGenerationMatch=0' if if_absent else ''}"
        what = f"write object '{key}' of bucket '{bucket}'"
        size = size_of(body)
        chunks = None if size is not None and size > CHUNK_BYTES else cut(body, CHUNK_BYTES)
        if chunks is not None:
            first, second = next(chunks), next(chunks, None)
            if second is None:
                answer = in_pieces(self._session, "POST", f"{path}?uploadType=media{query}", first, len(first), _OCTETS)
                return self._written(answer, what, bucket, key)
            chunks = put_back([first, second], chunks)
            del first, second
        start = self._session.send("POST", f"{path}?uploadType=resumable{query}", headers=_START)
        if not is_success(start):
            raise self._failure(start, what, bucket, key)
        upload = Upload(self._session, start.headers["Location"], what)
        answer = upload.send(body, size or 0) if chunks is None else upload.send_chunks(chunks)
        return self._written(answer, what, bucket, key)

    def get(self, bucket: str, key: str, *, span: Span | None = None) -> ByteStream:
        if span is not None and span.start >= span.end:
            return AnswerStream(EMPTY, 0, what="", translate=translate, etag=self.head(bucket, key).etag)
        what = f"read object '{key}' of bucket '{bucket}'"
        headers = {"Accept-Encoding": _AS_STORED}
        if span is not None:
            headers["Range"] = f"bytes={span.start}-{span.end - 1}"
        path = f"{_API}{object_path(bucket, key)}?alt=media"
        answer = self._session.send("GET", path, headers=headers, stream=True)
        if not is_success(answer):
            if _said(answer).status != 416:
                raise self._failure(answer, what, bucket, key)
            return AnswerStream(EMPTY, 0, what=what, translate=translate)
        size = int(answer.headers.get("Content-Length") or answer.headers.get("X-Goog-Stored-Content-Length") or -1)
        is_wrong = answer.status_code != 206 and span is not None and size > 0 and (span.start > 0 or size > span.end)
        if size < 0 or is_wrong:
            answer.close()
            raise StorageError(
                f"cannot {what}: the answer is not the part of it that was asked for; check the endpoint"
            )
        etag = answer.headers.get("X-Goog-Generation")
        return AnswerStream(
            answer.raw, size, what=f"object '{key}' of bucket '{bucket}'", translate=translate, etag=etag
        )

    def head(self, bucket: str, key: str) -> ObjectInfo:
        answer = self._session.send("GET", f"{_API}{object_path(bucket, key)}?fields={_FIELDS}")
        if not is_success(answer):
            raise self._failure(answer, f"describe object '{key}' of bucket '{bucket}'", bucket, key)
        return _info(key, json.loads(answer.content))

    def list(self, bucket: str, prefix: str = "", *, after: str | None = None) -> Iterator[ObjectInfo]:
        what = f"list bucket '{bucket}' below '{prefix}'"
        try:
            mark = (after or "").encode()
            query = f"prefix={quote(prefix, safe='')}&startOffset={quote(mark, safe='')}"
        except UnicodeEncodeError:
            raise StorageError(f"cannot list bucket '{bucket}': the prefix or mark has no form in UTF-8") from None
        query += f"&maxResults={_PAGE}&fields=nextPageToken,items(name,{_FIELDS})"
        return self._listed(bucket, query, mark, what)

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        paths = [f"{_API}{object_path(bucket, key)}" for key in keys]
        what = f"delete {len(paths)} objects of bucket '{bucket}'"
        if len(paths) == 1:
            answer = self._session.send("DELETE", paths[0])
            self._deleted(answer if not is_success(answer) else [], bucket, what)
            return
        batches = [paths[at : at + MOST_CALLS] for at in range(0, len(paths), MOST_CALLS)]
        if len(batches) == 1:
            self._deleted(delete_batch(self._session, batches[0], what), bucket, what)
        elif batches:
            with ThreadPoolExecutor(_BATCHES_AT_ONCE, thread_name_prefix="lithops-deletes") as pool:
                done = pool.map(lambda batch: delete_batch(self._session, batch, what), batches, timeout=_WAIT_S)
                for one in done:
                    self._deleted(one, bucket, what)

    def create_bucket(self, bucket: str) -> None:
        what = f"create bucket '{bucket}'"
        if why := refusal_of_bucket(bucket):
            raise StorageError(f"cannot {what}: {why}")
        project = self._project or self._session.identity().project
        if not project:
            raise StorageError(f"cannot {what}: it needs a project; give 'project_name' in the configuration")
        asked = {"name": bucket, "iamConfiguration": _PRIVATE, **({"location": self._region} if self._region else {})}
        answer = self._session.send(
            "POST",
            f"{_API}/b?project={quote(project, safe='')}&fields=name",
            headers={"Content-Type": "application/json"},
            data=json.dumps(asked).encode(),
        )
        if is_success(answer):
            return
        if answer.status_code != 409:
            raise self._failure(answer, what, bucket)
        said = _said(answer)
        if "already own" not in said.message and not self.has_bucket(bucket):
            raise StorageError(f"cannot {what}: the name is taken ({said.message}); choose another")

    def has_bucket(self, bucket: str) -> bool:
        if refusal_of_bucket(bucket):
            return False
        # To read a bucket's own fields takes a permission that those who may use its objects need not have.
        answer = self._session.send("GET", f"{_API}{bucket_path(bucket)}/o?maxResults=1&fields=nextPageToken")
        if answer.status_code == 404:
            return False
        if not is_success(answer):
            raise failure(_said(answer), f"look for bucket '{bucket}'")
        return True

    def default_bucket(self) -> str | None:
        return self._default_bucket

    def client(self) -> Any:
        """Give a `google.cloud.storage.Client`, made at the first call."""
        with self._client_lock:
            if self._client is None:
                from google.cloud.storage import Client

                identity = self._session.identity()
                self._client = Client(
                    project=self._project or identity.project,
                    credentials=identity.credentials,
                    client_options={"api_endpoint": self._session.endpoint} if self._endpoint else None,
                )
            return self._client

    def translate(self, exc: BaseException) -> LithopsError | None:
        return translate(exc)

    def close(self) -> None:
        with self._client_lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()
        self._session.close()

    def _identify(self) -> Identity:
        path = self._credentials_path
        if path and not (self._is_worker and not os.path.exists(path)):  # a worker elsewhere has its platform's
            return load(path)
        return anonymous() if (self._endpoint or "").startswith("http://") else find()

    def _written(self, answer: requests.Response, what: str, bucket: str, key: str) -> ObjectInfo:
        if not is_success(answer):
            raise self._failure(answer, what, bucket, key)
        return _info(key, json.loads(answer.content))

    def _listed(self, bucket: str, query: str, mark: bytes, what: str) -> Iterator[ObjectInfo]:
        path = f"{_API}{bucket_path(bucket)}/o?{query}"
        token: str | None = ""
        while token is not None:
            answer = self._session.send("GET", path + (f"&pageToken={quote(token, safe='')}" if token else ""))
            if not is_success(answer):
                raise self._failure(answer, what, bucket)
            page = json.loads(answer.content)
            for item in page.get("items", ()):
                if not mark or item["name"].encode() > mark:  # `startOffset` itself is listed
                    yield _info(item["name"], item)
            token = page.get("nextPageToken")

    def _deleted(self, failed: requests.Response | Sequence[Said], bucket: str, what: str) -> None:
        """Raise unless all that failed is that there is no such object."""
        unclear = False
        for said in [_said(failed)] if isinstance(failed, requests.Response) else failed:
            if said.is_about_bucket:
                raise NoSuchBucketError(bucket)
            if said.status != 404:
                raise failure(said, what)
            unclear = unclear or not said.is_about_object
        if unclear and not self.has_bucket(bucket):
            raise NoSuchBucketError(bucket)

    def _failure(self, answer: requests.Response, what: str, bucket: str, key: str | None = None) -> LithopsError:
        """Make the error of an answer; asks whether there is a bucket only when the answer does not tell."""
        said = _said(answer)
        if said.status == 412 and key is not None:
            return ObjectExistsError(f"cannot {what}: it exists; delete it first, or choose another key")
        if said.status != 404:
            return failure(said, what)
        if key is None or said.is_about_bucket or not (said.is_about_object or self.has_bucket(bucket)):
            return NoSuchBucketError(bucket)
        return StorageNoSuchKeyError(bucket, key)


_START = {"X-Upload-Content-Type": "application/octet-stream", "Content-Type": "application/json"}
_PRIVATE = {"uniformBucketLevelAccess": {"enabled": True}, "publicAccessPrevention": "enforced"}


def _said(answer: requests.Response) -> Said:
    try:
        return understand(answer.status_code, answer.content, answer.headers)
    except requests.exceptions.RequestException:  # the connection broke: its status says enough
        return Said(answer.status_code, "", answer.reason or "", answer.headers)


def _info(key: str, resource: dict[str, Any]) -> ObjectInfo:
    updated = resource.get("updated")
    modified = datetime.fromisoformat(updated) if updated else None
    return ObjectInfo(key, int(resource["size"]), resource.get("generation"), modified)


def _emulator() -> str | None:
    """Give what Google's SDK takes for the address of an emulator."""
    host = os.environ.get("STORAGE_EMULATOR_HOST")
    return host if not host or "://" in host else f"http://{host}"
