"""What the environment of a worker consists of, for any platform that takes a zip or an image.

A backend resolves what the user named (`requirements`), names the contents (`spec`), looks for that name on its platform,
and builds only what is not there (`bundle` for a zip, `image` for a container). Nothing is imported before it is used.
"""
