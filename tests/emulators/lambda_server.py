"""A server that stands in for AWS: `python -P lambda_server.py PORT [options]`. Functions really run, in sandboxes.

It is moto's server (S3, Lambda's control plane, IAM, STS, CloudWatch Logs) in one process. An invocation does not reach
moto: it runs the deployed zip under AWS's own `awslambdaric`, as Lambda would, with its limits.

    a connection's thread here -+- Invoke ----------> lambda_entry -> lambda_invocations -> lambda_pool -> lambda_sandbox
                                +- other of Lambda -> lambda_control -> moto
                                +- the rest --------> moto

What only tests need is below `/lithops-tests/`:

    POST faults   what goes wrong from now on: the fields of `lambda_faults.Faults`
    GET  counts   requests by who asks (client, sandbox) and operation ("s3.GetObject"), invocations, events, faults,
                  cold starts; `live` sandboxes, `running` invocations, `unfinished` events: they wait or run
    POST end      kills what runs, forgets the events that wait, and answers when nothing runs any more
    POST reset    does that, ends the sandboxes and forgets everything: functions, buckets, roles, logs, faults, counts
    POST fill     {"bucket": ..., "keys": [...]}: writes many objects
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote

if not __package__:
    sys.path.insert(0, str(Path(__file__).parents[2]))

from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from tests.emulators import moto_server
from tests.emulators.lambda_control import Answer, Control, refusal
from tests.emulators.lambda_entry import Cut, Entry
from tests.emulators.lambda_events import Queue
from tests.emulators.lambda_faults import Chaos, Counts
from tests.emulators.lambda_invocations import Concurrency, Invocations
from tests.emulators.lambda_logs import LogWriter
from tests.emulators.lambda_operations import operation_of, region_of, service_of, who_asks
from tests.emulators.lambda_pool import Pool
from tests.emulators.lambda_signatures import RefusedError, verify

_SIDE_DOOR = "/lithops-tests/"
_END_S = 20.0
_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


class Cloud:
    """All parts, put together."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.moto = moto_server._one_at_a_time
        self._app = DomainDispatcherApplication(create_backend_app)
        self.counts = Counts()
        self.chaos = Chaos(self.counts)
        self.logs = LogWriter(self.moto)
        self.pool = Pool(
            folder,
            endpoint=f"http://127.0.0.1:{options.port}",
            logs=self.logs,
            counts=self.counts,
            most=options.sandboxes,
            idle_s=options.idle_s,
            isolate=options.isolate == "auto",
        )
        self.concurrency = Concurrency(options.concurrency, self.chaos)
        self.invocations = Invocations(self.pool, self.chaos, self.counts)
        self.queue = Queue(self.invocations, self.concurrency, self.counts, retry_s=options.retry_s)
        self.control = Control(self.pool, self.chaos, self.concurrency)
        self.entry = Entry(self.invocations, self.concurrency, self.queue, self.control, self.chaos, self.counts)

    def ask_moto(self, environ: dict[str, Any]) -> Answer:
        """Ask moto's server."""
        told: list[tuple[str, list[tuple[str, str]]]] = []
        with self.moto:
            parts = self._app(environ, lambda status, headers, _=None: told.append((status, headers)))
            body = b"".join(parts)
        status, headers = told[0]
        return Answer(int(status.split()[0]), dict(headers), body)

    def aside(self, path: str, body: bytes) -> Answer:
        """Do what a test asks for."""
        wish = path.removeprefix(_SIDE_DOOR)
        told: dict[str, Any] = {}
        if wish == "faults":
            try:
                self.chaos.set(json.loads(body or b"{}"))
            except TypeError as exc:
                return Answer(400, {}, str(exc).encode())
        elif wish == "end":
            self.end()
        elif wish == "reset":
            self.reset()
        elif wish == "counts":
            told = {
                **self.counts.told(),
                "live": self.pool.live,
                "running": self.concurrency.told(),
                "unfinished": self.queue.unfinished,
                "is_isolated": self.pool.is_isolated,
            }
        elif wish == "fill":
            status, _, _ = moto_server._fill(json.loads(body))
            return Answer(status, {}, b"")
        else:
            return Answer(404, {}, b"")
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(told).encode())

    def end(self) -> None:
        """End what runs. Raises `TimeoutError` when something does not end."""
        limit = time.monotonic() + _END_S
        while True:
            self.queue.clear()
            if not self.queue.unfinished and not self.concurrency.told():
                return
            if time.monotonic() > limit:
                raise TimeoutError(f"{self.concurrency.told()} invocations that were killed do not end")
            self.pool.kill_lent()
            time.sleep(0.01)  # one that was killed while it began is begun again

    def reset(self) -> None:
        """Forget everything."""
        self.chaos.set({})
        self.end()
        self.pool.retire_all()
        self.logs.clear()
        with self.moto:
            BackendDict.reset()
            reset_model_data()
        self.control.clear()
        self.counts.clear()

    def close(self) -> None:
        """End all sandboxes."""
        self.queue.close()
        self.logs.close()
        self.pool.close()


class _Handler(moto_server._Handler):
    cloud: Cloud

    def _answer(self) -> None:
        body = self._body()
        raw = self.requestline.split(" ")[1]
        if raw.startswith(_SIDE_DOOR):
            self._tell(self.cloud.aside(raw, body))
            return
        try:
            answer = self._route(raw, body)
        except RefusedError as refused:
            answer = refusal(refused.status, refused.error_type, str(refused))
        except Exception:  # a fault of this server or of moto is the cloud's failure
            traceback.print_exc()
            answer = Answer(500, {}, b'{"message": "the stand-in for AWS failed"}')
        if isinstance(answer, Cut):
            self._hang_up()
            answer.run()
        else:
            self._tell(answer)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815

    def handle(self) -> None:
        """Serve a connection; a sandbox that is killed does not close its own."""
        with suppress(ConnectionResetError, BrokenPipeError):
            super().handle()

    def _route(self, raw: str, body: bytes) -> Answer | Cut:
        path, _, query = raw.partition("?")
        service = service_of(self.headers, path, query)
        target = self.headers.get("X-Amz-Target", "")
        operation = operation_of(service, self.command, path, query, target=target, body=body)
        cloud = self.cloud
        cloud.counts.add(who_asks(self.headers, query), f"{service}.{operation}")
        if service == "s3" and not raw.startswith("/moto-api"):
            return self._ask_s3(raw, body)
        if service in ("lambda", "logs"):
            verify(self.command, raw, self.headers, body)
        region = region_of(self.headers)
        if operation == "Invoke":
            return cloud.entry.invoke(unquote(path).split("/")[3], query, region, self.headers, body)
        if service == "logs":
            cloud.logs.flush()
        if service != "lambda":
            return cloud.ask_moto(self._request(raw, body).environ)
        refused = cloud.control.before(operation, path, region, body)
        if refused is not None:
            return refused
        answer = cloud.ask_moto(self._request(raw, body).environ)
        return cloud.control.after(operation, path, query, region, body, answer)

    def _ask_s3(self, raw: str, body: bytes) -> Answer:
        chaos = self.cloud.chaos
        if chaos.faults.s3_slow_s:
            time.sleep(chaos.faults.s3_slow_s)
        if chaos.strikes("s3_throttle"):
            return Answer(503, {"Content-Type": "application/xml"}, _SLOW_DOWN)
        status, headers, content = moto_server._ask_moto(self._request(raw, body), raw)
        return Answer(status, headers, content.encode() if isinstance(content, str) else content)

    def _tell(self, answer: Answer) -> None:
        headers: Mapping[str, str] = answer.headers
        try:
            self._send(answer.status, headers, answer.body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _hang_up(self) -> None:
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description="A stand-in for AWS that runs Lambda functions.")
    parser.add_argument("port", type=int)
    parser.add_argument("--folder", type=Path, help="an empty folder for code and runtime; removed")
    parser.add_argument("--concurrency", type=int, default=1000, help="the account's limit of invocations at once")
    parser.add_argument("--sandboxes", type=int, default=200, help="what this machine bears: others wait")
    parser.add_argument("--idle-s", type=float, default=60.0, help="how long a sandbox is kept warm")
    parser.add_argument("--retry-s", type=float, default=0.2, help="the delay of an event's first retry; AWS's is 60")
    parser.add_argument("--isolate", choices=("auto", "none"), default="auto", help="none: no view of its own")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder = options.folder or Path(tempfile.mkdtemp(prefix="lithops-lambda-"))
    cloud = Cloud(folder, options)
    handler = type("Handler", (_Handler,), {"cloud": cloud})
    server = moto_server._Server(("127.0.0.1", options.port), handler)
    serving = Thread(target=server.serve_forever, name="server", daemon=True)
    serving.start()
    try:
        while True:
            signal.pause()
    finally:
        cloud.close()
        mounts = Path("/proc/self/mountinfo")
        if not mounts.exists() or f" {folder}" not in mounts.read_text():  # never into what is mounted
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
