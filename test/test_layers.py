"""The layers: engine, tools and training know nothing of ROS, and what is said twice is said the same."""
import ast
from pathlib import Path
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ('style_transfer_ros/engine', 'style_transfer_ros/archive', 'style_transfer_ros/tools', 'training')
OPTIONAL = {'tensorflow', 'torch'}

IMPORT_ALL = """
import importlib, pkgutil, sys
name, optional = sys.argv[1], set(sys.argv[2:])
package = importlib.import_module(name)
for module in pkgutil.walk_packages(package.__path__, name + '.'):
    try:
        importlib.import_module(module.name)
    except ImportError as missing:
        if (missing.name or '').split('.')[0] not in optional:
            raise
    print(module.name)
    ros = {m for m in sys.modules if is_ros(m)}
    assert not ros, f'{module.name} imports {sorted(ros)}'
"""


def is_ros(module: str) -> bool:
    top = module.split('.')[0]
    return top in ('rclpy', 'cv_bridge') or top.endswith('_msgs') or module.startswith('style_transfer_ros.ros')


@pytest.mark.parametrize('layer', LAYERS)
def test_importing_a_layer_imports_no_ros(layer):
    """Every module is imported in a fresh interpreter, so that imports of imports count."""
    import inspect
    program = inspect.getsource(is_ros) + IMPORT_ALL
    done = subprocess.run([sys.executable, '-c', program, layer.replace('/', '.'), *OPTIONAL], cwd=ROOT,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) >= len([f for f in (ROOT / layer).glob('*.py') if f.stem != '__init__'])


def imports(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


@pytest.mark.parametrize('layer', LAYERS)
def test_no_function_of_a_layer_imports_ros(layer):
    """An import inside a function runs only when that is called, so the text is read."""
    found = [f'{file.relative_to(ROOT)}: {name}' for file in (ROOT / layer).rglob('*.py')
             for name in imports(ast.parse(file.read_text())) if is_ros(name)]
    assert found == []


def test_the_versions_agree():
    versions = {path.parent.name: ElementTree.parse(path).findtext('version')
                for path in (ROOT / 'package.xml', ROOT / 'style_transfer_msgs' / 'package.xml')}
    setup = ast.parse((ROOT / 'setup.py').read_text())
    versions['setup.py'] = next(node.value.value for node in ast.walk(setup)
                                if isinstance(node, ast.keyword) and node.arg == 'version')
    assert len(set(versions.values())) == 1, versions
