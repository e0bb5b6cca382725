"""The package at work on a machine without a camera: ``make demo``."""
