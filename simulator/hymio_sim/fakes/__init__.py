"""Stand-ins for the modules of a real board, such as `machine` and `network`, and the bus that they speak to.

They are written in the common subset of MicroPython and CPython. A child process imports them by their bare names; in
virtual time every terminal gets a private copy.
"""
