"""Make thumbnails of many pictures in parallel: they are read from the store, and written back to it.

python examples/image_batch.py [--pictures 12] [--size 96] [--backend NAME] [--out FOLDER]

The pictures are PPM files that it draws itself, so that nothing but Python is needed. With Pillow, `thumbnail` would be
one line; the rest would stay as it is.
"""

import argparse
from pathlib import Path

from lithops import FunctionExecutor, Storage
from lithops.storage import CloudObject
from lithops.worker.data import DataObject

FACTOR = 4


def draw(number: int, size: int) -> bytes:
    """Draw a picture: stripes, in a colour of its own."""
    pixels = bytearray()
    for y in range(size):
        for x in range(size):
            pixels += bytes(((x * number) % 256, (y * number) % 256, 255 if (x + y) % 8 < 4 else 0))
    return b"P6 %d %d 255\n" % (size, size) + pixels


def thumbnail(obj: DataObject, storage: Storage) -> CloudObject:
    """Shrink a picture: each pixel of the small one is the mean of a square of the big one."""
    header, _, pixels = obj.data_stream.read().partition(b"\n")
    width, height = map(int, header.split()[1:3])
    small = bytearray()
    for y in range(0, height - height % FACTOR, FACTOR):
        for x in range(0, width - width % FACTOR, FACTOR):
            for colour in range(3):
                rows = (3 * ((y + row) * width + x) + colour for row in range(FACTOR))
                small.append(sum(sum(pixels[at : at + 3 * FACTOR : 3]) for at in rows) // FACTOR**2)
    made = b"P6 %d %d 255\n" % (width // FACTOR, height // FACTOR) + small
    return storage.put_cloudobject(made, key=f"{obj.key}.small.ppm")


def main() -> None:
    parser = argparse.ArgumentParser(description="Make thumbnails of many pictures.")
    parser.add_argument("--pictures", type=int, default=12)
    parser.add_argument("--size", type=int, default=96, help="of a picture, in pixels")
    parser.add_argument("--backend", help="where the calls run; by default, as configured, else on this machine")
    parser.add_argument("--out", type=Path, help="also download the thumbnails to this folder")
    args = parser.parse_args()

    with FunctionExecutor(backend=args.backend) as fexec:
        storage, bucket = fexec.storage, str(fexec.storage.bucket)
        drawn = {f"pictures/{at:03d}.ppm": draw(at, args.size) for at in range(1, args.pictures + 1)}
        storage.put_many(bucket, drawn)
        small = fexec.map(thumbnail, [f"{bucket}/{key}" for key in drawn]).get_result()
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
            for one in small:
                storage.download_file(one.bucket, one.key, str(args.out / Path(one.key).name))
        before = sum(map(len, drawn.values()))
        after = sum(int(storage.head_object(one.bucket, one.key)["content-length"]) for one in small)
        print(f"{len(small)} thumbnails: {before:,} bytes became {after:,}")
        storage.delete_objects(bucket, list(drawn))
        storage.delete_cloudobjects(small)


if __name__ == "__main__":
    main()
