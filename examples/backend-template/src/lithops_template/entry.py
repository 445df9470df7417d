"""What runs inside the platform, where the calls run: here, a program that reads a message and writes statuses.

A function service's handler would be: `runner = Runner()` once, at import, and for each request
`b"".join(buffer for frame in run_frame(request_body, runner) for buffer in frame)`.
"""

from __future__ import annotations

import sys

from lithops.worker.once import main

if __name__ == "__main__":
    sys.exit(main())
