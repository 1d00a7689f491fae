"""The simulated board around the chip: fingers, switches, lights, cable, clock, and what they draw."""
