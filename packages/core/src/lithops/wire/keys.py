"""The names of a job's objects in the store. All begin with the executor's prefix, so that users can see and clean.

lithops.jobs/<executor_id>/functions/<sha256>           pickled functions, and their out-of-band buffers
lithops.jobs/<executor_id>/modules/<sha256>             zips of the user's modules
lithops.jobs/<executor_id>/<job_id>/job                 what another process needs to follow a detached job
lithops.jobs/<executor_id>/<job_id>/data/<n>            inputs that do not fit a message
lithops.jobs/<executor_id>/<job_id>/results/<call_id>/<attempt>-<random>
lithops.jobs/<executor_id>/<job_id>/status/<block>/<call_id>-<attempt>    1,000 calls a block
lithops.jobs/<executor_id>/<job_id>/ends/<call_id>      of calls that another process follows
"""

from __future__ import annotations

__all__ = [
    "JOBS_PREFIX",
    "STATUS_BLOCK",
    "data_key",
    "end_key",
    "executor_prefix",
    "function_key",
    "job_key",
    "job_prefix",
    "modules_key",
    "result_key",
    "status_block_prefix",
    "status_key",
]

JOBS_PREFIX = "lithops.jobs/"
STATUS_BLOCK = 1000


def executor_prefix(executor_id: str) -> str:
    """Name the prefix of everything of an executor."""
    return f"{JOBS_PREFIX}{executor_id}/"


def job_prefix(executor_id: str, job_id: str) -> str:
    """Name the prefix of everything of a job."""
    return f"{JOBS_PREFIX}{executor_id}/{job_id}/"


def job_key(executor_id: str, job_id: str) -> str:
    """Name the record of a detached job."""
    return f"{job_prefix(executor_id, job_id)}job"


def function_key(executor_id: str, digest: str) -> str:
    """Name a function by its content."""
    return f"{JOBS_PREFIX}{executor_id}/functions/{digest}"


def modules_key(executor_id: str, digest: str) -> str:
    """Name a zip of modules by its content."""
    return f"{JOBS_PREFIX}{executor_id}/modules/{digest}"


def data_key(executor_id: str, job_id: str, number: int) -> str:
    """Name an object of inputs."""
    return f"{job_prefix(executor_id, job_id)}data/{number:05d}"


def result_key(executor_id: str, job_id: str, call_id: str, attempt: int, unique: str) -> str:
    """Name one attempt's result; `unique` keeps a duplicate of the attempt from overwriting it."""
    return f"{job_prefix(executor_id, job_id)}results/{call_id}/{attempt}-{unique}"


def status_block_prefix(executor_id: str, job_id: str, block: int) -> str:
    """Name the prefix of the statuses of calls `block * 1000` and on."""
    return f"{job_prefix(executor_id, job_id)}status/{block:05d}/"


def status_key(executor_id: str, job_id: str, call_id: str, attempt: int) -> str:
    """Name the status of an attempt: of its duplicates, the first writer wins."""
    return f"{status_block_prefix(executor_id, job_id, int(call_id) // STATUS_BLOCK)}{call_id}-{attempt}"


def end_key(executor_id: str, job_id: str, call_id: str) -> str:
    """Name the final status of a call that is followed from another process."""
    return f"{job_prefix(executor_id, job_id)}ends/{call_id}"
