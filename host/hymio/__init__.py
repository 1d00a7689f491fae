"""hymio: what the bench, the technician and the office run beside a four-button smiley terminal."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("hymio")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0"

CONTRACT = 1
"""The number of the contract with outside programs: JSON shapes, views and exit statuses."""
