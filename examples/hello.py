"""The quick start: one function, one call."""

from lithops import FunctionExecutor


def hello(name):
    return f"Hello {name}!"


if __name__ == "__main__":
    with FunctionExecutor() as fexec:
        future = fexec.call_async(hello, "World")
        print(future.result())
