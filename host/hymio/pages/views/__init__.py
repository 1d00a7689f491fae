"""What the pages show: one file for a kind of page, with functions from a PageReader to a page."""
