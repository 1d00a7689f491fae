"""From the roll-ups to figures: questions by place and time in, cells that may be shown out."""
