"""Backends that begin, answer or end wrongly, each with one fault. Run by `test_kit`."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.contracts.compute.broken_base import BrokenCompute, Said, planted

from lithops.errors import BackendError, NotSupportedError
from lithops.spi import (
    CallEnd,
    CallMessage,
    CallStatus,
    Exit,
    Handle,
    Report,
    RuntimeInfo,
    RuntimeSpec,
)
from lithops_localhost.compute import LocalhostCompute
from lithops_localhost.config import LocalhostConfig

# Everything but calls


@planted("test_a_runtime_that_is_ensured_fits_this_client", "2.7")
class HasAnOldPython(BrokenCompute):
    def ensure_runtime(self, runtime: RuntimeSpec) -> RuntimeInfo:
        return super().ensure_runtime(runtime)._replace(python="2.7")


@planted("test_a_runtime_can_be_ensured_again_and_by_many_threads", "RuntimeInfo(name=")
class MakesRuntimeAfterRuntime(BrokenCompute):
    def ensure_runtime(self, runtime: RuntimeSpec) -> RuntimeInfo:
        return super().ensure_runtime(runtime)._replace(name=uuid4().hex)


@planted("test_a_verb_without_its_feature_says_why[poll]", "it does not say why")
class RefusesWithoutReason(BrokenCompute):
    def poll(self, handles: Collection[Handle]) -> Mapping[Handle, Exit]:
        raise NotSupportedError("no")


@planted("test_a_verb_without_its_feature_says_why[logs]", "DID NOT RAISE")
class HasNoLogsButSaysNothing(BrokenCompute):
    def logs(self, handle: Handle) -> Any:
        return iter(())


@planted("test_an_instant_start_does_not_wait_for_its_calls", "did not return before")
class SaysThatItIsInstant(BrokenCompute):
    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        is_over = threading.Event()

        def hear(said: Said) -> None:
            report(said)
            is_over.set()

        handle = super().start(runtime, calls, hear)
        is_over.wait(10)
        return handle


@planted("test_an_exception_of_a_stranger_is_not_translated", "BackendError")
class TranslatesEverything(BrokenCompute):
    def translate(self, exc: BaseException) -> BackendError | None:
        return BackendError("something failed")


@planted("test_an_exception_of_a_stranger_is_not_translated", "cannot be printed")
class RaisesWhenItTranslates(BrokenCompute):
    def translate(self, exc: BaseException) -> BackendError | None:
        return BackendError(str(exc)) if "throttled" in str(exc) else None


@planted("test_the_constructor_does_no_io", "os.mkdir")
class MakesAFolderAtOnce(BrokenCompute):
    def __init__(self, options: LocalhostConfig) -> None:
        super().__init__(options)
        os.makedirs(f"{options.storage_root}/made/at/once")


@planted("test_the_constructor_does_no_io", "threading.Thread.start")
class StartsAThreadAtOnce(BrokenCompute):
    def __init__(self, options: LocalhostConfig) -> None:
        super().__init__(options)
        thread = threading.Thread(target=str)
        thread.start()
        thread.join()


# The end


@planted("test_closing_leaves_nothing_behind", "thread 'left-behind'")
class LeaksAThread(BrokenCompute):
    def close(self) -> None:
        threading.Thread(target=threading.Event().wait, args=(20,), name="left-behind", daemon=True).start()
        super().close()


@planted("test_closing_leaves_nothing_behind", "process ")
class LeaksAProcess(BrokenCompute):
    def close(self) -> None:
        subprocess.Popen(["sleep", "20"], start_new_session=True)
        super().close()


@planted("test_closing_leaves_nothing_behind", "process ")
class LeaksAnOrphan(BrokenCompute):
    def close(self) -> None:
        subprocess.run("sleep 20 &", shell=True, check=True)
        super().close()


@planted("test_closing_leaves_nothing_behind", "connection pipe:")
class LeaksConnections(BrokenCompute):
    def close(self) -> None:
        self.pipe = os.pipe()
        super().close()


@planted("test_closing_leaves_nothing_behind", "temporary file 'left-behind'")
class LeaksTemporaryFiles(BrokenCompute):
    def close(self) -> None:
        Path(os.environ["TMPDIR"], "left-behind").touch()
        super().close()


@planted("test_closing_in_the_middle_of_calls_is_bounded_and_leaves_nothing", "did not return within")
class HangsWhenItCloses(BrokenCompute):
    def close(self) -> None:
        super().close()
        time.sleep(5)


@planted("test_closing_in_the_middle_of_calls_is_bounded_and_leaves_nothing", "was reported 2 times")
class CancelsTwiceWhenItCloses(BrokenCompute):
    def hear(self, said: Said, report: Report) -> None:
        report(said)
        if isinstance(said, CallStatus) and said.end is CallEnd.CANCELLED:
            report(said)


@planted("test_closing_twice_and_from_many_threads_is_once", "closed already")
class ClosesOnceOnly(BrokenCompute):
    is_closed = False

    def close(self) -> None:
        if self.is_closed:
            raise BackendError("it is closed already")
        self.is_closed = True
        super().close()


@planted("test_a_start_after_the_end_is_refused", "was not refused")
class StartsAfterTheEnd(BrokenCompute):
    def close(self) -> None:
        super().close()
        self.inner = LocalhostCompute(self.options)


@planted("test_starts_that_race_with_the_end_are_refused_or_end", "AttributeError")
class BreaksWhenItIsClosed(BrokenCompute):
    def start(self, runtime: RuntimeSpec, calls: Sequence[CallMessage], report: Report) -> Handle:
        time.sleep(0.05)
        return super().start(runtime, calls, report)

    def close(self) -> None:
        super().close()
        self.inner = None  # type: ignore[assignment]
