"""joblib on the local Lambda: its workers have nothing of the client but the network."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("boto3")
pytest.importorskip("redis")


from tests.aws.lambda_executors import BUCKET, MAX_WORKERS, Executors, executors, home, local_lambda
from tests.aws.lambda_redis import config, server, using

from lithops_aws.compute.functions_naming import GLIBC, this_python

__all__ = ["config", "executors", "home", "local_lambda", "server"]


@pytest.fixture(scope="module")
def joblib_config(config: Callable[..., dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A runtime with NumPy as it is installed here: the local Lambda has this machine's C library."""
    pytest.importorskip("joblib")
    pytest.importorskip("numpy")
    libc = os.confstr("CS_GNU_LIBC_VERSION") if hasattr(os, "confstr") else None
    with pytest.MonkeyPatch.context() as patch:
        if libc:
            patch.setitem(GLIBC, this_python(), int(libc.rpartition(".")[2]))
        yield config(requirements=["joblib", "numpy"], runtime_memory=512)


@pytest.fixture
def joblib(joblib_config: dict[str, Any]) -> Iterator[Any]:
    """Give joblib's module, with Lithops as its backend."""
    import joblib

    from lithops.util.joblib import close_executors, register_lithops

    register_lithops()
    with using(joblib_config), joblib.parallel_config("lithops"):
        yield joblib
        close_executors()


def test_joblib_runs_on_lambda_with_a_big_array(
    joblib: Any, executors: Executors, capfd: pytest.CaptureFixture[str]
) -> None:
    import numpy as np

    from lithops.util.joblib import close_executors

    def part(whole: Any, number: int) -> tuple[bool, float]:
        return "AWS_LAMBDA_FUNCTION_NAME" in os.environ, float(whole[number].sum())

    assert joblib.effective_n_jobs(-1) == MAX_WORKERS
    whole = np.arange(800_000, dtype=float).reshape(8, -1)  # 6.4 MB: more than a message takes
    calls = [joblib.delayed(part)(whole, number) for number in range(8)]
    for _ in range(2):  # with the first, the module of this test travels too
        before = executors.cloud.requests()
        assert joblib.Parallel(n_jobs=2)(calls) == [(True, float(row.sum())) for row in whole]
    assert executors.cloud.requests()["s3.PutObject"] == before.get("s3.PutObject", 0) + 1
    kept = executors.cloud.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert max(one["Size"] for one in kept) < whole.nbytes  # the array was deleted

    def fail(number: int) -> None:
        raise KeyError(number)

    with pytest.raises(KeyError):
        joblib.Parallel(n_jobs=2)(joblib.delayed(fail)(number) for number in range(4))
    close_executors()
    assert "serial mode" not in "".join(capfd.readouterr())
