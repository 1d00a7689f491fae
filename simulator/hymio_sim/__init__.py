"""The simulator of the hymio smiley terminal: the real firmware on a simulated board, in real or in virtual time."""
