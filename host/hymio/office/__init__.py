"""What a site runs: the collector, ledger, reports, orders to terminals afar, Home Assistant."""
