"""Which of the standard library's tests do not apply to Lithops, and why."""

from __future__ import annotations

__all__ = ["reason_for"]

INSIDE = "looks at attributes of the standard implementation that are not documented"
STANDARD = "imports the standard module by its name, in the test or the child"
DESCRIPTORS = "needs file descriptors that pass between processes"
SOCKETS = "needs Listener and Client over sockets of one machine"
MEMORY = "needs memory that processes of one machine share, not lithops.multiprocessing"

REASONS = {
    "WithManagerTestEvent.test_repr": "wants the address of a proxy object in its text",
    "WithManagerTestPool.test_make_pool": INSIDE,
    "WithProcessesTestCondition.test_notify": INSIDE,
    "WithProcessesTestCondition.test_notify_all": INSIDE,
    "WithProcessesTestCondition.test_notify_n": INSIDE,
    "WithProcessesTestConnection.test_connection": DESCRIPTORS,
    "WithProcessesTestConnection.test_fd_transfer": DESCRIPTORS,
    "WithProcessesTestConnection.test_large_fd_transfer": DESCRIPTORS,
    "WithProcessesTestFinalize": "tests multiprocessing.util of the standard library only",
    "WithProcessesTestHeap": MEMORY,
    "WithProcessesTestListener": SOCKETS,
    "WithProcessesTestListenerClient": SOCKETS,
    "WithProcessesTestLogging": "the logger is the standard module's own, and its level does not travel",
    "WithProcessesTestPicklingConnections": SOCKETS,
    "WithProcessesTestPool.test_make_pool": INSIDE,
    "WithProcessesTestPool.test_traceback": "wants the attribute 'tb' of the cause: Lithops has its text",
    "WithProcessesTestPoolWorkerErrors.test_unpickleable_result": STANDARD,
    "WithProcessesTestPoolWorkerLifetime.test_pool_worker_lifetime": INSIDE,
    "WithProcessesTestProcess.test_child_fd_inflation": "counts descriptors of workers, which are used again",
    "WithProcessesTestProcess.test_parent_process": "wants a child that outlives its parent",
    "WithProcessesTestProcess.test_parent_process_attributes": STANDARD,
    "WithProcessesTestProcess.test_process": "wants the parent's authkey in the child: it does not travel",
    "WithProcessesTestProcess.test_sentinel": DESCRIPTORS,
    "WithProcessesTestProcess.test_set_executable": "the interpreter of workers is a key of the configuration",
    "WithProcessesTestQueue.test_queue_feeder_donot_stop_onexc": "there is no feeder thread: put() itself raises",
    "WithProcessesTestQueue.test_queue_feeder_on_queue_feeder_error": "there is no feeder thread: put() itself raises",
    "WithProcessesTestSharedMemory": MEMORY,
}


def reason_for(test: str) -> str | None:
    """Say why a test, `Class.method`, does not apply; None when it does."""
    for name in (test, test.partition(".")[0]):
        if name in REASONS:
            return REASONS[name]
    return None
