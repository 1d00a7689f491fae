"""The firmware at work on a simulated board, in virtual or in real time."""
