"""The application of the hymio smiley terminal; its specification is in spec/ beside it."""

VERSION = "0.1.0"
