"""The self-test of one terminal on a cable: its checks and its report."""
