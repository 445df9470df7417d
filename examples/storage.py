"""Keep things in the object store: by keys, by reference from call to call, and as if they were files.

python examples/storage.py [--storage NAME]
"""

import argparse
import csv
import io

from lithops import FunctionExecutor, Storage
from lithops.storage import CloudObject
from lithops.storage.cloud_proxy import bind, open, os  # noqa: A004 - it takes the place of Python's own

CITIES = {"bergen": 240, "oslo": 79, "rome": 28}


def measure(city: str, days: int, storage: Storage) -> CloudObject:
    """Write a table, which may be too big to be a result, and give a reference to it."""
    rows = io.StringIO()
    csv.writer(rows).writerows((city, day, CITIES[city] * (day % 3)) for day in range(days))
    return storage.put_cloudobject(rows.getvalue())


def total(table: CloudObject, storage: Storage) -> tuple[str, int]:
    """Read the table that another call wrote, line by line."""
    lines = io.TextIOWrapper(storage.get_cloudobject(table, stream=True), newline="")
    rows = list(csv.reader(lines))
    return rows[0][0], sum(int(rain) for _, _, rain in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Keep things in the object store.")
    parser.add_argument("--storage", help="which store; by default, as configured, else a folder of this machine")
    args = parser.parse_args()

    with FunctionExecutor(storage=args.storage) as fexec:
        tables = fexec.map(measure, list(CITIES), extra_args={"days": 30}).get_result()
        rain = dict(fexec.map(total, tables).get_result())
        fexec.clean(cs=tables)

        # By keys.
        storage, bucket = fexec.storage, str(fexec.storage.bucket)
        storage.put_object(bucket, "rain/readme", "millimetres in 30 days")
        print(storage.get_object(bucket, "rain/readme").decode())

        # As files: for programs that were written for files.
        bind(storage)
        for city, amount in rain.items():
            with open(f"rain/{city}.txt", "w") as file:
                file.write(f"{amount}\n")
        for name in sorted(os.listdir("rain")):
            if name.endswith(".txt"):
                with open(os.path.join("rain", name)) as file:
                    print(name, file.read().strip())

        storage.delete_objects(bucket, storage.list_keys(bucket, "rain/"))
        print(len(storage.list_keys(bucket, "rain/")), "objects are left")


if __name__ == "__main__":
    main()
