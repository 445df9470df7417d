"""The names of objects: users clean by them, and clients and workers of different releases find each other by them."""

from __future__ import annotations

from lithops.wire import keys


def test_the_names_of_a_job_s_objects() -> None:
    assert keys.executor_prefix("e-0") == "lithops.jobs/e-0/"
    assert keys.job_prefix("e-0", "M001") == "lithops.jobs/e-0/M001/"
    assert keys.function_key("e-0", "abc") == "lithops.jobs/e-0/functions/abc"
    assert keys.modules_key("e-0", "abc") == "lithops.jobs/e-0/modules/abc"
    assert keys.data_key("e-0", "M001", 7) == "lithops.jobs/e-0/M001/data/00007"
    assert keys.end_key("e-0", "M001", "00003") == "lithops.jobs/e-0/M001/ends/00003"
    assert keys.result_key("e-0", "M001", "00003", 2, "beef") == "lithops.jobs/e-0/M001/results/00003/2-beef"


def test_statuses_stand_in_blocks_of_a_thousand_calls() -> None:
    for number, block in ((0, 0), (999, 0), (1000, 1), (123_456, 123)):
        prefix = f"lithops.jobs/e-0/M001/status/{block:05d}/"
        assert keys.status_block_prefix("e-0", "M001", number // keys.STATUS_BLOCK) == prefix
        assert keys.status_key("e-0", "M001", f"{number:05d}", 2) == f"{prefix}{number:05d}-2"
