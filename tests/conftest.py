"""What all tests share: hypothesis without a deadline, for the first call of a kernel compiles it."""

from hypothesis import settings

settings.register_profile("spikec", deadline=None)
settings.load_profile("spikec")
