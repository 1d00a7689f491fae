"""The byte formats that terminals speak, and the limits of what they may say: no database, no network, no files."""
