"""Settings of all tests."""

import os

from hypothesis import settings

# A slow machine is no fault of the code; the seed makes a failure repeatable.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")

# What a user's environment may hold and tests do not mean: a proxy before the servers that they start (the small
# letters go before the capitals), a profile that sends jobs to a cluster, a notebook's way to draw.
os.environ["no_proxy"] = "127.0.0.1,localhost"
os.environ.pop("SNAKEMAKE_PROFILE", None)
os.environ["MPLBACKEND"] = "agg"
