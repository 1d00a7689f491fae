"""Figures over HTTP: the API of the field (`/v2`), our own (`/api/v1`), and who may ask what."""
