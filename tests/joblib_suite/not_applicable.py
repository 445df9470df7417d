"""Which of joblib's own tests do not apply to Lithops, and why."""

from __future__ import annotations

__all__ = ["reason_for"]

OTHERS = "is about another backend of joblib"
LOKY = "asks for the class LokyBackend, its executor or its name"
MEMMAP = "wants the class numpy.memmap: here an array lies over a mapped file, or, from other stores, in memory"
INITIALIZER = "an option of loky and multiprocessing, whose argument is here a manager of multiprocessing besides"
WRITES = "wants workers that write to the memory of their caller: that is refused"
NESTED = "wants a warning that nested processes cannot be: here they can"

REASONS = {
    "test_auto_memmap_on_arrays_from_generator[loky]": MEMMAP,
    "test_backend_context_manager": LOKY,
    "test_backend_hinting_and_constraints": LOKY,
    "test_dispatch_multiprocessing[loky]": "needs a manager of multiprocessing in workers: its key does not travel",
    "test_effective_n_jobs_None": OTHERS,
    "test_error_capture[loky]": "wants KeyboardInterrupt of a call (here FunctionExitError), and counts pools that end",
    "test_initializer_context": INITIALIZER,
    "test_initializer_not_reused": INITIALIZER,
    "test_initializer_parallel": INITIALIZER,
    "test_initializer_reused": INITIALIZER,
    "test_managed_backend_reuse_temp_folder": MEMMAP,
    "test_memmap_returned_as_regular_array": MEMMAP,
    "test_memmapping_leaks": MEMMAP,
    "test_memmapping_temp_folder_thread_safety": MEMMAP,
    "test_multiple_generator_call_separated_gc": "wants the error of loky where generators overlap: here they can",
    "test_nested_parallel_warnings[loky-multiprocessing-True]": NESTED,
    "test_nested_parallel_warnings[multiprocessing-loky-True]": NESTED,
    "test_nested_parallel_warnings[threading-loky-True]": NESTED,
    "test_nested_parallelism_limit[parallel_backend-loky]": LOKY,
    "test_nested_parallelism_limit[parallel_config-loky]": LOKY,
    "test_numpy_arrays_use_different_memory[r+]": WRITES,
    "test_numpy_arrays_use_different_memory[w+]": WRITES,
    "test_parallel_isolated_temp_folders": MEMMAP,
}
ONLY_OTHERS = ("multiprocessing", "threading", "sequential", "spawn", "back_compat_backend")
"""Parameters; a test with one of them and without loky is about something else."""


def reason_for(test: str) -> str | None:
    """Say why a test, as `test_name[parameters]`, does not apply; None when it does."""
    name, _, parameters = test.partition("[")
    for known in (test, name):
        if known in REASONS:
            return REASONS[known]
    words = parameters.rstrip("]").split("-")
    return OTHERS if "loky" not in words and any(word in ONLY_OTHERS for word in words) else None
