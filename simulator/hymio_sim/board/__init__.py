"""The simulated board around the processor: fingers, switches, lights, cable, time, and what draws current."""
