# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The layers: each imports only those below it, and of all that is installed only the nodes and the demo know ROS."""
import ast
import json
from pathlib import Path
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

ROOT = Path(__file__).parents[1]
BELOW = {'engine', 'paths', 'settings', 'signals', 'start_values'}
#: Each layer (a folder or module of style_transfer_ros, or a folder beside it), and what of ours it may import.
MAY_IMPORT = {
    'engine': {'paths'},
    'paths': {'engine'},            # its errors
    'settings': {'engine'},
    'start_values': {'engine'},
    'environment': BELOW,
    'archive': BELOW,
    'tools': BELOW | {'archive'},
    'signals': set(),
    'programs': {'signals'},        # and by name, when it is called, what it runs
    'launching': BELOW | {'environment'},
    'ros': BELOW | {'environment', 'archive'},      # the recorder
    'demo': BELOW | {'environment', 'ros', 'tools', 'archive'},
    'training': BELOW,
    'evaluation': BELOW | {'tools', 'training', 'benchmark'},
    'benchmark': BELOW | {'environment', 'archive', 'ros', 'demo', 'training', 'evaluation'},
    'examples': {'engine'},
    'launch': {'launching'},
}
#: The layers that lie beside the package; ROS has a package named launch, too.
BESIDE = ('training', 'evaluation', 'benchmark', 'examples')
#: The layers that know ROS: nothing of it is loaded by the others, not even by what those import.
ROS = {'ros', 'demo', 'benchmark', 'examples', 'launch', 'launching'}
#: What a machine may lack.
OPTIONAL = ('tensorflow', 'torch', 'dask', 'distributed', 'av', 'matplotlib', 'h5py', 'PIL')

LOAD = """
import importlib, json, pkgutil, sys
name, optional = sys.argv[1], sys.argv[2:]
package = importlib.import_module(name)
modules = [module.name for module in pkgutil.walk_packages(getattr(package, '__path__', []), name + '.')]
for module in modules:
    try:
        importlib.import_module(module)
    except ImportError as missing:
        if (missing.name or '').split('.')[0] not in optional:
            raise
print(json.dumps([modules, sorted(sys.modules)]))
"""


def is_ros(module: str) -> bool:
    top = module.split('.')[0]
    return top in ('rclpy', 'cv_bridge', 'launch_ros') or top.endswith('_msgs')


def layer_of(module: str) -> str:
    """Name the layer of one of our modules; of others return ''."""
    first, *rest = module.split('.')
    return rest[0] if first == 'style_transfer_ros' and rest else first if first in BESIDE else ''


def files_of(layer: str) -> list:
    """List the Python files of a layer."""
    folder = ROOT / 'style_transfer_ros' / layer
    folder = ROOT / layer if (ROOT / layer).is_dir() and layer != 'web' else folder
    module = folder.with_suffix('.py')
    return [module] if module.is_file() else sorted(folder.rglob('*.py'))


def imports(file: Path):
    """Name everything that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


def reachable(layer: str) -> set:
    """Return a layer and all that it may import, directly or through others."""
    found, new = set(), {layer}
    while new:
        found |= new
        new = set().union(*(MAY_IMPORT[name] for name in new)) - found
    return found


def test_every_part_of_the_package_has_its_place_among_the_layers():
    package = ROOT / 'style_transfer_ros'
    parts = {path.stem for path in package.iterdir() if path.suffix == '.py' or list(path.rglob('*.py'))}
    assert parts - {'__init__'} <= set(MAY_IMPORT)


@pytest.mark.parametrize('layer', MAY_IMPORT)
def test_a_layer_imports_only_what_is_below_it(layer):
    """The text is read, because an import inside a function runs only when that is called."""
    wrong = [f'{file.relative_to(ROOT)}: {name}' for file in files_of(layer) for name in imports(file)
             if layer_of(name) not in ('', layer, *MAY_IMPORT[layer]) or (is_ros(name) and layer not in ROS)]
    assert wrong == []


@pytest.mark.parametrize('layer', sorted(set(MAY_IMPORT) - ROS))
def test_loading_a_whole_layer_loads_no_ros_and_nothing_above_it(layer):
    """In a fresh interpreter, so that imports of imports count."""
    if not files_of(layer):
        pytest.skip(f'there is no {layer}')
    name = layer if (ROOT / layer).is_dir() else f'style_transfer_ros.{layer}'
    done = subprocess.run([sys.executable, '-c', LOAD, name, *OPTIONAL], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    modules, loaded = json.loads(done.stdout.splitlines()[-1])
    assert len(modules) >= len([file for file in files_of(layer) if file.stem != '__init__']) - 1
    assert [module for module in loaded if is_ros(module)] == []
    assert {layer_of(module) for module in loaded} - {''} <= reachable(layer)


def test_a_forbidden_import_is_found():
    assert is_ros('rclpy.node') and is_ros('sensor_msgs.msg.Image') and not is_ros('rosbags.rosbag2')
    assert layer_of('style_transfer_ros.ros.live.Live') == 'ros' and layer_of('training.export') == 'training'
    assert layer_of('numpy') == layer_of('style_transfer_ros') == '' and 'ros' not in reachable('tools')


def test_the_versions_agree():
    versions = {path.parent.name: ElementTree.parse(path).findtext('version')
                for path in (ROOT / 'package.xml', ROOT / 'style_transfer_msgs' / 'package.xml')}
    setup = ast.parse((ROOT / 'setup.py').read_text())
    versions['setup.py'] = next(node.value.value for node in ast.walk(setup)
                                if isinstance(node, ast.keyword) and node.arg == 'version')
    assert len(set(versions.values())) == 1, versions
