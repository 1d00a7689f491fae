"""How long a battery lasts: currents with their sources, and days of the real firmware."""
