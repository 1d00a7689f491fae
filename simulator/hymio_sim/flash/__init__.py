"""The simulated flash chip: its physics, its faults, and what the log in it says."""
