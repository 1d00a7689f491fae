"""Running the firmware on a simulated board, in virtual or in real time."""
