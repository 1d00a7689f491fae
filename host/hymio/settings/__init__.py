"""A terminal's configuration as people write it, checked by the firmware's own rules."""
