"""Freezes the application into a MicroPython image; see docs.micropython.org/en/latest/reference/manifest.html."""

package("terminal")  # noqa: F821
module("main.py")  # noqa: F821
