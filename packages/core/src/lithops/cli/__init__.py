"""The program `lithops`. Its commands are a file each; `program` names them, and `main` is what is called.

Modules of commands import only click when they are loaded: `lithops --help` loads them all.
"""

INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 and the number of SIGINT, as shells have it."""

NEEDS_EXTRA = (
    "Error: the command line needs click and rich, which are not all installed: pip install 'lithops-core[cli]'"
)
