"""Training of the swift networks; not installed on robots.  ``make train`` runs all of it, see ``train.py``."""
