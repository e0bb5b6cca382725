"""
How good the paintings are: held-out pictures, measures, judges, report and a blind look; not installed on robots.

``python -m evaluation`` (``make evaluate``) measures every network in one run, ``python -m evaluation.look`` makes
sheets for somebody who does not know which network painted what.

========================= ==========================================================================
``held_out.py``           pictures, paintings and videos that no training has seen
``painters.py``           the networks that are compared
``lines.py``              whether the photograph's lines are still lines, and in which sizes detail is
``gram.py``               style by Gram matrices of two networks of different origin
``metrics.py``            colours, flicker, warping, grids, borders
``evaluation.py``         all measures over all painters
``report.py``             table, plot and contact sheets
``look.py``               the blind look, and how well each measure agrees with it
========================= ==========================================================================
"""
