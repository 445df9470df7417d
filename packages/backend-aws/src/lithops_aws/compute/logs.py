"""The logs of functions in CloudWatch: what invocations printed, and which of them died. Every look is bounded."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from lithops.spi.compute import Exit, LogLine
from lithops_aws.compute.errors import code_of, translated
from lithops_aws.compute.logs_reading import DEATHS, Line, owned, read_deaths
from lithops_aws.compute.session import Session

__all__ = ["Logs", "log_group"]

LOG_PAGES = 100
DEATH_PAGES = 10
LOOK_BACK_S = 1000.0
"""More than an invocation can take: its lines are that old at most when it dies."""

STREAMS_AT_ONCE = 100  # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
_PATTERN = " ".join(f'?"{text}"' for text in DEATHS)


def log_group(name: str) -> str:
    """Name the log group of a function."""
    return f"/aws/lambda/{name}"


class Logs:
    """Reads the logs of functions. Thread-safe. Lines appear there some seconds after they were printed."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._lock = threading.Lock()
        self._known: dict[str, Exit] = {}

    def tail(self, name: str, since_s: float, request_ids: Collection[str] = ()) -> Iterator[LogLine]:
        """Give the lines since a time, in seconds since the epoch, of some invocations of a function, or of all.

        A function that has no log yet has no lines. Raises `AccessDeniedError`, `ThrottledError`, `TransientError`.
        """
        wanted = frozenset(request_ids)
        for request_id, line in owned(self._lines(name, since_s, LOG_PAGES)):
            if not wanted or request_id in wanted:
                yield LogLine(line.text.rstrip("\n"), line.at_ms / 1000)

    def deaths(self, name: str, since_s: float) -> Mapping[str, Exit]:
        """Give how invocations of a function died since a time, by request id. Raises as `tail` does.

        A death that was read whole is not read again. The reason of a time-out begins with `logs_reading.TIMED_OUT`.
        """
        found = list(owned(self._lines(name, since_s, DEATH_PAGES, filterPattern=_PATTERN)))
        found = [one for one in found if one.request_id and any(text in one.line.text for text in DEATHS)]
        with self._lock:
            streams = sorted({line.stream for request_id, line in found if request_id not in self._known})
        for at in range(0, len(streams), STREAMS_AT_ONCE):
            some = streams[at : at + STREAMS_AT_ONCE]
            first_s = min(line.at_ms for _, line in found if line.stream in some) / 1000 - LOOK_BACK_S
            told = list(owned(self._lines(name, max(since_s, first_s), DEATH_PAGES, logStreamNames=some)))
            whole = {request_id for request_id, line in told if line.text.startswith("REPORT ")}
            exits = read_deaths(line for _, line in told)
            with self._lock:
                self._known.update((request_id, exit_) for request_id, exit_ in exits.items() if request_id in whole)
        with self._lock:
            return {one.request_id: self._known[one.request_id] for one in found if one.request_id in self._known}

    def _lines(self, name: str, since_s: float, pages: int, **asked: Any) -> Iterator[Line]:
        client = self.session.client("logs")
        token: dict[str, str] = {}
        for _ in range(pages):
            with translated(f"reading the log of the function '{name}'"):
                try:
                    page = client.filter_log_events(
                        logGroupName=log_group(name), startTime=max(0, int(since_s * 1000)), **asked, **token
                    )
                except ClientError as exc:
                    if code_of(exc) == "ResourceNotFoundException":  # it makes its log when it first runs
                        return
                    raise
            for event in page["events"]:
                yield Line(event["logStreamName"], event["timestamp"], event["message"])
            if not page.get("nextToken"):
                return
            token = {"nextToken": page["nextToken"]}
