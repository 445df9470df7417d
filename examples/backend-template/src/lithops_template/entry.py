"""What runs inside the platform: here a program. A service's handler calls `lithops.worker.once.run_frame`."""

from lithops.worker.once import main

if __name__ == "__main__":
    raise SystemExit(main())
