# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
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
