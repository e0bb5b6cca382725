# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
Training of our networks from public pictures; not installed on robots.  ``make train`` runs all stages.

====================== ================================== ======================================= ======================
stage                  reads                              writes, below ``--cache``               done when
====================== ================================== ======================================= ======================
``packages.py``        Debian's and PyPI's registries     ``packages/NAME/``                      the folder is there
``pool.py``            ``packages/``, the teacher         ``pool/*.npy``: contents, style         ``pool/done``
                       (``--teacher DIR``, or magenta)    pictures, the teacher's paintings
``train_ends.py``      ``pool/``; only for swift          ``ends.npz``: swift as near to magenta  ``ends.npz``
                                                          as it comes without painting
``train_transformer``  ``pool/``, ``ends.npz`` or the     ``transformer.pt`` (checkpoint),        ``--hours`` are over
                       model to start from                ``trained.npz``, ``sheet.png``
``export.py``          ``trained.npz``, ``pool/``         ``--output``: the model directory       its ``model.yaml``
====================== ================================== ======================================= ======================

Beside them: ``gcompris.py`` (paintings out of Qt's resource files), ``microast.py`` (another teacher), ``unfolded.py``
(magenta as ``fine`` paints it), ``batches.py`` (random crops of the pool), ``student.py`` (what learns),
``losses.py`` and ``vgg.py`` (what it is asked for), ``torch_ops.py`` (the networks in PyTorch), ``reserved.py`` (why
strength 0 returns the photo, and where a style's colours are corrected).  What was tried stands in
docs/training_log.md.
"""
