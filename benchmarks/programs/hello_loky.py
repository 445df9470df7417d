"""examples/hello.py with loky's reusable pool."""

from loky import get_reusable_executor


def hello(name: str) -> str:
    return f"Hello {name}!"


if __name__ == "__main__":
    pool = get_reusable_executor()
    print(pool.submit(hello, "World").result())
