"""Settings of all tests."""

from hypothesis import settings

# A slow machine is no fault of the code; the seed makes a failure repeatable.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")
