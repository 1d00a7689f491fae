"""The database: batches become rows exactly once, with dates, lost presses, quarantine and figures."""
