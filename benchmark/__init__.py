"""What the networks and the node cost on this machine; ``make bench``, the front door is ``bench.py``."""
