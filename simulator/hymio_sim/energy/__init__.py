"""How long a battery lasts: currents with their sources, and the meter that charges them."""
