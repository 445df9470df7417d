"""Programs as users write them, unmodified: the words and the habits of the framework's well-known examples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

HELLO = """
import lithops

def hello(name):
    return 'Hello {}!'.format(name)

if __name__ == '__main__':
    fexec = lithops.FunctionExecutor()
    fexec.call_async(hello, 'World')
    print(fexec.get_result())
"""

MAP = """
import lithops
import time

iterdata = [1, 2, 3, 4]

def my_map_function(id, x):
    print("I'm activation number {}".format(id))
    time.sleep(0.01)
    return x + 7

if __name__ == "__main__":
    fexec = lithops.FunctionExecutor(log_level='INFO')
    fexec.map(my_map_function, range(2))
    print(fexec.get_result())
    fexec.map(my_map_function, iterdata, extra_args=())
    fexec.wait()
    print(fexec.get_result())
    fexec.clean()
"""

MAP_REDUCE = """
from lithops import FunctionExecutor, ServerlessExecutor, LocalhostExecutor

iterdata = [1, 2, 3, 4, 5]

def my_map_function(x):
    return x + 7

def my_reduce_function(results):
    total = 0
    for map_result in results:
        total = total + map_result
    return total

if __name__ == "__main__":
    with LocalhostExecutor() as fexec:
        futures = fexec.map_reduce(my_map_function, iterdata, my_reduce_function)
        print(fexec.get_result())
    with FunctionExecutor() as fexec:
        futures = fexec.map_reduce(my_map_function, iterdata, sum, spawn_reducer=50)
        fexec.wait(futures)
        print(futures[-1].result(), len(futures))
"""

CHAINED = """
import lithops
from lithops import wait, get_result

def my_map_function(x):
    return x, x + 2

def add(x, y):
    return x * y

if __name__ == '__main__':
    fexec = lithops.FunctionExecutor()
    fexec.map(my_map_function, [1, 2, 3]).map(add).wait()
    res = fexec.map(lambda x: x + 1, [1, 2, 3]).map(lambda x: x * 2).get_result()
    print(res)
    f1 = fexec.map(lambda x: x + 1, [1, 2, 3])
    f2 = fexec.map(lambda x: x * 3, f1)
    done, not_done = wait(f2)
    print(len(done), len(not_done), get_result(f2))
    one = fexec.call_async(lambda x: x + 1, 1)
    two = fexec.call_async(lambda x: x + 1, one)
    print(two.result())
    futures = [fexec.call_async(lambda a, b: a * b, {'a': n, 'b': 2}) for n in range(3)]
    print(fexec.get_result(futures), fexec.get_result(fs=one))
"""

STORAGE = """
import lithops
from lithops import Storage
from lithops.storage.utils import StorageNoSuchKeyError, CloudObject

def my_function(bucket_name, obj_key, storage):
    print('I am processing the object //{}/{}'.format(bucket_name, obj_key))
    counter = {}
    data = storage.get_object(bucket_name, obj_key)
    for line in data.splitlines():
        for word in line.decode('utf-8').split():
            counter[word] = counter.get(word, 0) + 1
    return counter

def count(obj):
    return len(obj.data_stream.read())

if __name__ == '__main__':
    storage = Storage()
    bucket = storage.bucket
    storage.put_object(bucket, 'books/one.txt', 'a b a\\nb a')
    storage.put_object(bucket=bucket, key='books/two.txt', body=b'c')
    print(storage.list_keys(bucket, prefix='books/'))
    print(storage.head_object(bucket, 'books/one.txt')['content-length'])
    print(storage.get_object(bucket, 'books/one.txt', extra_get_args={'Range': 'bytes=2-4'}))
    fexec = lithops.FunctionExecutor()
    fexec.call_async(my_function, {'bucket_name': bucket, 'obj_key': 'books/one.txt'})
    print(sorted(fexec.get_result().items()))
    fexec.map(count, bucket + '/books/')
    print(sorted(fexec.get_result()))
    fexec.map_reduce(count, [bucket + '/books/one.txt', 'localhost://' + bucket + '/books/two.txt'], sum)
    print(fexec.get_result())
    cobj = storage.put_cloudobject('content')
    print(isinstance(cobj, CloudObject), storage.get_cloudobject(cobj))
    fexec.clean(cs=[cobj])
    try:
        storage.get_object(bucket, 'books/three.txt')
    except StorageNoSuchKeyError as e:
        print('no such key')
    storage.delete_objects(bucket, ['books/one.txt', 'books/two.txt'])
    print(storage.list_objects(bucket, 'books/'))
"""

ERRORS = """
import lithops
from lithops.utils import setup_lithops_logger

setup_lithops_logger('WARNING')

def fails(x):
    return 10 / x

if __name__ == '__main__':
    fexec = lithops.FunctionExecutor(config={'lithops': {'backend': 'localhost', 'storage': 'localhost'}})
    try:
        fexec.map(fails, [1, 0])
        fexec.get_result()
    except ZeroDivisionError as e:
        print('failed:', e)
    future = fexec.call_async(fails, 0)
    fexec.wait(future, throw_except=False)
    print(future.error, future.success, future.done)
    retrying = lithops.RetryingFunctionExecutor(fexec)
    f = retrying.map(fails, [2, 5], retries=2)
    done, pending = retrying.wait(f, throw_except=False)
    print([d.result() for d in done], len(pending))
    print(future.stats.keys() >= {'worker_func_exec_time', 'host_submit_tstamp'})
"""


@pytest.mark.parametrize(
    ("program", "lines"),
    [
        (HELLO, ["Hello World!"]),
        (MAP, ["[7, 8]", "[8, 9, 10, 11]"]),
        (MAP_REDUCE, ["50", "50 6"]),
        (CHAINED, ["[4, 6, 8]", "3 0 [6, 9, 12]", "3", "[0, 2, 4] 2"]),
        (
            STORAGE,
            ["['books/one.txt', 'books/two.txt']", "9", "b'b a'", "[('a', 3), ('b', 2)]", "[1, 9]", "10", "True b'content'",
             "no such key", "[]"],
        ),
        (ERRORS, ["failed: division by zero", "True False True", "[5.0, 2.0] 0", "True"]),
    ],
    ids=["hello", "map", "map_reduce", "chained", "storage", "errors"],
)  # fmt: skip
def test_a_users_program_runs_unmodified(
    run_client: Callable[..., CompletedProcess[str]], program: str, lines: list[str]
) -> None:
    done = run_client(program)
    assert done.returncode == 0, done.stderr
    printed_by_calls = ("activation number", "I am processing")
    assert [line for line in done.stdout.splitlines() if not any(word in line for word in printed_by_calls)] == lines


def test_the_examples_of_the_project_run(run_client: Callable[..., CompletedProcess[str]], tmp_path: Path) -> None:
    examples = Path(__file__).parents[2] / "examples"
    assert run_client(argv=[str(examples / "hello.py")]).stdout == "Hello World!\n"
    (tmp_path / "a.txt").write_text("word and word\nand another\n" * 50)
    (tmp_path / "b.txt").write_text("word")
    done = run_client(argv=[str(examples / "wordcount.py"), str(tmp_path), "--chunk-kib", "1", "--workers", "2"])
    assert [line.split() for line in done.stdout.splitlines()[:3]] == [
        ["101", "word"],
        ["100", "and"],
        ["50", "another"],
    ]
