"""One terminal on a cable: ports, the SMP protocol, and what is read and set through it."""
