"""Stand-ins for the modules of a real board: `machine`, `esp32`, `network`, and the bus that they speak to.

They are the common subset of MicroPython and CPython. A child process imports them by their bare names; virtual time
gives every terminal a private copy.
"""
