"""Simulator of the hymio smiley terminal: fakes of the board, virtual time, real VMs."""
