"""examples/hello.py with the standard library's pool."""

from concurrent.futures import ProcessPoolExecutor


def hello(name: str) -> str:
    return f"Hello {name}!"


if __name__ == "__main__":
    with ProcessPoolExecutor() as pool:
        print(pool.submit(hello, "World").result())
