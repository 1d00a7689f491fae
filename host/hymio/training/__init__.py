"""The on-screen terminal: a page whose four faces are a simulated terminal, for training, demos and understanding."""
