"""`python -m lithops.cli` is `lithops`."""

from lithops.cli.main import main

main()
