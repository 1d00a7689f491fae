"""The commands as people type them: options, examples and help. What they do stands in the other packages."""
