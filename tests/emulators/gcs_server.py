"""A server that stands in for Google Cloud Storage's JSON API: `python gcs_server.py PORT [--token TOKEN]`.

It keeps objects in memory. Errors have Google's form. With `--token`, a request that brings another bearer token is
refused; one without any is not. What only tests need is below `/lithops-tests/`:

    POST fill     {"bucket": ..., "keys": [...]}: writes objects whose content is their key
    POST token    gives an access token for a service account's assertion (its `token_uri`); the issuer `wrong@...`
                  gets one that is refused, `skewed@...` the error of a clock that is wrong
    POST keep     {"bytes": n}: of the next chunk of an upload, only n bytes are kept
    GET uploads   names the objects whose resumable upload is neither finished nor cancelled
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from pathlib import Path
from urllib.parse import parse_qs

if not __package__:
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.emulators.gcs_batch import batch
from tests.emulators.gcs_http import Answer, HttpServer, RefusedError, Request, json_answer
from tests.emulators.gcs_objects import compose, copy, listing, media, selected
from tests.emulators.gcs_state import Store
from tests.emulators.gcs_uploads import Uploads

__all__ = ["Gcs"]

_SKEWED = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp"
    " values in the JWT claim."
)


class Gcs:
    """The API: which request is answered how."""

    def __init__(self, base: str, token: str | None = None) -> None:
        self._token = token
        self._store = Store(base)
        self._uploads = Uploads(self._store)

    def handle(self, request: Request) -> Answer:
        """Answer a request."""
        is_media = request.query.get("alt") == "media"
        try:
            if request.segments[0] == "lithops-tests":
                return self._aside(request, request.segments[1])
            given = request.headers.get("authorization")
            if self._token is not None and given not in (None, f"Bearer {self._token}"):
                raise RefusedError(401, "authError", "Invalid Credentials", "Authorization")
            return self._route(request)
        except RefusedError as refused:
            return refused.answer(is_media=is_media)
        except (KeyError, ValueError) as exc:
            return RefusedError(400, "invalid", f"Invalid argument: {exc!r}").answer(is_media=is_media)

    def _route(self, request: Request) -> Answer:
        match request.segments:
            case ["upload", "storage", "v1", "b", bucket, "o"]:
                return self._uploads.handle(request, bucket)
            case ["batch", "storage", "v1"]:
                return batch(request, self.handle)
            case ["storage", "v1", "b"]:
                return self._buckets(request)
            case ["storage", "v1", "b", bucket]:
                return self._bucket(request, bucket)
            case ["storage", "v1", "b", bucket, "o"]:
                return selected(listing(self._store, bucket, request.query), request.query.get("fields", ""))
            case ["storage", "v1", "b", bucket, "o", name] | ["download", "storage", "v1", "b", bucket, "o", name]:
                return self._object(request, bucket, name)
            case ["storage", "v1", "b", bucket, "o", name, "compose"]:
                return json_answer(compose(self._store, request, bucket, name).resource())
            case ["storage", "v1", "b", bucket, "o", name, ("copyTo" | "rewriteTo") as verb, "b", other, "o", target]:
                made = copy(self._store, request, (bucket, name), (other, target)).resource()
                if verb == "copyTo":
                    return json_answer(made)
                size = made["size"]
                told = {"kind": "storage#rewriteResponse", "totalBytesRewritten": size, "objectSize": size}
                return json_answer({**told, "done": True, "resource": made})
        raise RefusedError(404, "notFound", "Not Found")

    def _buckets(self, request: Request) -> Answer:
        if request.method == "GET":
            items = [one.resource() for one in self._store.buckets()]
            return json_answer({"kind": "storage#buckets", **({"items": items} if items else {})})
        if "project" not in request.query:
            raise RefusedError(400, "required", "Required parameter: project")
        asked = request.json()
        return selected(self._store.create(asked.pop("name"), asked).resource(), request.query.get("fields", ""))

    def _bucket(self, request: Request, name: str) -> Answer:
        if request.method == "DELETE":
            self._store.drop(name)
            return Answer(204)
        return selected(self._store.bucket(name).resource(), request.query.get("fields", ""))

    def _object(self, request: Request, bucket: str, name: str) -> Answer:
        query, fields = request.query, request.query.get("fields", "")
        if request.method == "DELETE":
            self._store.delete(bucket, name, query)
            return Answer(204)
        if request.method in ("PATCH", "PUT"):
            return selected(self._store.patch(bucket, name, query, request.json()).resource(), fields)
        found = self._store.find(bucket, name, query)
        if query.get("alt") == "media":
            return media(found, request.headers.get("range", ""))
        return selected(found.resource(), fields)

    def _aside(self, request: Request, verb: str) -> Answer:
        if verb == "fill":
            asked = request.json()
            for key in asked["keys"]:
                self._store.write(asked["bucket"], key, key.encode(), {}, {})
        elif verb == "keep":
            self._uploads.keep_next = int(request.json()["bytes"])
        elif verb == "uploads":
            return json_answer({"uploads": self._uploads.open()})
        elif verb == "token":
            return self._give_token(request)
        return json_answer({})

    def _give_token(self, request: Request) -> Answer:
        (assertion,) = parse_qs(bytes(request.body).decode())["assertion"]
        claims = assertion.split(".")[1]
        issuer = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["iss"]
        if issuer.startswith("skewed@"):
            return json_answer({"error": "invalid_grant", "error_description": _SKEWED}, 400)
        if issuer.startswith("refused@"):
            said = {"error": "invalid_grant", "error_description": "Invalid grant: account not found"}
            return json_answer(said, 400)
        token = "wrong-token" if issuer.startswith("wrong@") else self._token or "token"
        return json_answer({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description="A stand-in for Google Cloud Storage.")
    parser.add_argument("port", type=int)
    parser.add_argument("--token")
    options = parser.parse_args()
    HttpServer(options.port, Gcs(f"http://127.0.0.1:{options.port}", options.token).handle).serve_forever()


if __name__ == "__main__":
    main()
