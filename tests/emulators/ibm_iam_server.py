"""IBM's IAM, as far as tokens for one API key go: `python -P ibm_iam_server.py PORT KEY`.

`GET /lithops-tests/asked` tells how often a token was asked for.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

_GRANT = "urn:ibm:params:oauth:grant-type:apikey"
_LIFE_S = 3600


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    asked = 0

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
        if self.path != "/identity/token":
            self._send(404, {"errorCode": "BXNIM0404E"})
            return
        type(self).asked += 1
        if form.get("grant_type") != [_GRANT] or form.get("apikey") != [sys.argv[2]]:
            told = "Provided API key could not be found."
            self._send(400, {"errorCode": "BXNIM0415E", "errorMessage": told, "context": {"requestId": "r"}})
            return
        now_s = int(time.time())
        token = _jwt({"iat": now_s, "exp": now_s + _LIFE_S, "sub": "tester"})
        self._send(
            200,
            {
                "access_token": token,
                "refresh_token": "not_supported",
                "token_type": "Bearer",
                "expires_in": _LIFE_S,
                "expiration": now_s + _LIFE_S,
                "scope": "ibm openid",
            },
        )

    def do_GET(self) -> None:
        self._send(200, {"asked": self.asked})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return

    def _send(self, status: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _jwt(claims: dict[str, Any]) -> str:
    """Make a token that can be read; nobody checks its signature."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)] + [b"signature"]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
