# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The page's files: types, weight, and nothing from elsewhere."""
import json
from pathlib import Path
import re
import shutil
import subprocess

import pytest

ROOT = Path(__file__).parents[2]
WEB = ROOT / 'style_transfer_ros' / 'web'


def test_the_types_of_the_scripts_are_right(npm):
    scripts = sorted(map(str, WEB.glob('*.js')))
    assert all(Path(script).read_text(encoding='utf-8').startswith('// @ts-check') for script in scripts)
    done = subprocess.run([
        npm / '.bin' / 'tsc', '--noEmit', '--allowJs', '--strict', '--noUnusedLocals', '--target', 'es2022', '--module',
        'es2022', '--moduleResolution', 'bundler', '--lib', 'es2023,dom,dom.iterable', *scripts],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(shutil.which('node') is None, reason='node is not installed')
@pytest.mark.parametrize('source, shown', [
    ('bundled wave.jpg', 'Bundled'), ('image', 'Sent picture'), ('compressed_image jpeg', 'Sent picture'),
    ('file:///pictures/my%20wool.jpg', 'my wool.jpg'), ('50% wool.jpg', '50% wool.jpg'), ('100%', '100%'),
    ('file:///pictures/caf%E9.jpg', 'caf%E9.jpg'), ('', '')])
def test_every_source_of_a_style_can_be_shown(source, shown, tmp_path):
    module = tmp_path / 'dom.mjs'       # node takes no .js for a module
    module.write_bytes((WEB / 'dom.js').read_bytes())
    done = subprocess.run(['node', '--input-type=module', '-e', f"""
        import {{origin}} from {json.dumps(module.as_uri())};
        process.stdout.write(origin({json.dumps(source)}));"""], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (shown, '')


def test_the_page_weighs_at_most_150_kb():
    assert sum(file.stat().st_size for file in WEB.iterdir()) <= 150_000


@pytest.mark.parametrize('file', sorted(file.name for file in WEB.iterdir()))
def test_a_file_loads_nothing_from_elsewhere_and_holds_no_inline_code(file):
    text = (WEB / file).read_text(encoding='utf-8')
    addresses = set(re.findall(r'(?:https?:)?//[\w.-]+\.\w+[^\s"\')]*', text)) - {'http://www.w3.org/2000/svg'}
    assert addresses == set()
    assert not re.search(r'<script(?![^>]*src=)|\son\w+="|style="|javascript:|<style', text)
    assert not re.search(r'innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function', text)
