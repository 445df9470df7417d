"""The documentation site's own code: pages that are made of the program each time the site is built."""
