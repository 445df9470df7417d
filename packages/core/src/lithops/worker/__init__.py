"""What runs where calls run: decode, fetch, run, commit. Standard library only, and cloudpickle to read functions.

`python -m lithops.worker` is the program; `lithops.worker.run` is what a platform's own entry point calls.
"""
