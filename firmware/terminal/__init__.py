"""The application of the hymio smiley terminal; README.md beside this directory is its specification."""

VERSION = "0.1.0"
