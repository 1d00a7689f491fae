"""Host tools of the hymio smiley terminal."""
