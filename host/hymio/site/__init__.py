"""The site: where terminals stand, what they ask there, and to whom their presses belong; files in, files out."""
