"""The figures of a report as JSON that can stand in a page: columns, not rows, and each text once.

A page stays small whatever the calls said: texts are cut, and when all that were kept fill the budget, the others are
left out with a word in their place. Failures come before what calls printed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lithops.pictures.calls import CallRow, now_or_last

if TYPE_CHECKING:
    from lithops.engine.bill import Spent

__all__ = ["figures_of"]

LONGEST_NAME = 200
LONGEST_MESSAGE = 1000
LONGEST_TRACEBACK = 6000
LONGEST_LOG = 2000
BUDGET = 1_500_000
LEFT_OUT = "(left out, since the page would become too big: read it from the call's future)"

_TIMES = ("submitted_at", "fetched_at", "started_at", "ended_at", "known_at")


def figures_of(rows: Sequence[CallRow], now: float, executor_id: str, backend: str, spent: Spent) -> str:
    """Give the text of a JSON object, without a character that HTML knows. Times are microseconds from `start` on."""
    start = min(row.submitted_at for row in rows)
    texts = _Texts()
    jobs = _Texts()
    failures = [_failure(row, texts) for row in rows]  # before the logs: these are what the budget is for
    logs = [texts.add(row.logs, LONGEST_LOG, keeps_end=True) for row in rows]
    figures = {
        "start": start,
        "now": now,
        "length": _since(now_or_last(rows, now), start),
        "executor": executor_id,
        "backend": backend,
        "cost": {**spent._asdict()},
        "jobs": [jobs.add(row.job_key, LONGEST_NAME) for row in rows],
        "functions": [jobs.add(row.function_name, LONGEST_NAME) for row in rows],
        "ids": [jobs.add(row.call_id, LONGEST_NAME) for row in rows],
        "ends": [jobs.add(row.end, LONGEST_NAME) for row in rows],
        "sent": [int(row.is_sent) for row in rows],
        "workers": [jobs.add(row.worker, LONGEST_NAME) for row in rows],
        **{name: [_since(getattr(row, name), start) for row in rows] for name in _TIMES},
        "cpu": [None if row.cpu_s is None else round(row.cpu_s * 1e6) for row in rows],
        "memory": [row.peak_bytes for row in rows],
        "attempts": [row.attempts for row in rows],
        "failures": failures,
        "logs": logs,
        "names": jobs.all,
        "texts": texts.all,
    }
    text = json.dumps(figures, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


class _Texts:
    """Keeps each text once, and gives its number; 0 is the empty text, 1 says that it was left out."""

    def __init__(self) -> None:
        self.all = ["", LEFT_OUT]
        self._numbers = {"": 0, LEFT_OUT: 1}
        self._used = 0

    def add(self, text: str, longest: int, *, keeps_end: bool = False) -> int:
        if len(text) > longest:
            head = 0 if keeps_end else longest // 3
            text = f"{text[:head]} … {text[len(text) - longest + head :]}"
        number = self._numbers.get(text)
        if number is None:
            self._used += len(json.dumps(text))
            if self._used > BUDGET:
                self._used -= len(json.dumps(text))
                return 1
            number = self._numbers[text] = len(self.all)
            self.all.append(text)
        return number


def _failure(row: CallRow, texts: _Texts) -> list[int] | None:
    """Number the type, message and traceback of a call that failed."""
    if not row.is_failed:
        return None
    return [
        texts.add(row.error_type or row.end, LONGEST_NAME),
        texts.add(row.error_message, LONGEST_MESSAGE),
        texts.add(row.traceback, LONGEST_TRACEBACK),
    ]


def _since(moment: Any, start: float) -> int | None:
    return None if moment is None else round((moment - start) * 1e6)
