# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""
``make fuzz``: thousands of generated inputs of each kind, against the promise in ``targets.py``.

Readers of bytes are fuzzed by atheris, guided by the coverage of our own code (by hypothesis where atheris has no
wheel); messages, services and ONNX files by hypothesis, services of a real node also over real DDS.  What fails is
written to ``corpus/``, which CI replays.  The last line is JSON; the exit code is 1 if anything failed.

    python test/fuzz/fuzz.py --runs 10000 [--only picture bag ...]
"""
from __future__ import annotations

import argparse
from collections.abc import Callable
import faulthandler
import hashlib
import importlib.util
import json
import os
from pathlib import Path
import random
import shutil
import subprocess
import sys
import time
from typing import Any

CORPUS = Path(__file__).with_name('corpus')
#: One input must not take longer, s; the machine may be busy.
LONGEST = 60
#: Requests of each service that go over DDS.
OVER_DDS = 100
#: Networks that crash a runtime, and that hang it, are kept up to this many.
_KEPT = 3


def keep(target: str, data: bytes) -> Path:
    """Write an input that failed to the corpus."""
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(data).hexdigest()[:16]
    path.write_bytes(data)
    return path


def replay(checks: dict[str, Callable[[bytes], None]]) -> dict[str, Any]:
    """Run everything that ever failed."""
    from targets import Broken
    files = [path for path in sorted(CORPUS.glob('*/*')) if path.parent.name in checks]
    for path in files:
        try:
            checks[path.parent.name](path.read_bytes())
        except Broken as error:
            return {'inputs': len(files), 'failed': f'{path.parent.name}/{path.name}: {error}'[:500]}
    return {'inputs': len(files)}


def changed(data: bytes, rng: random.Random) -> bytes:
    """Change a few bytes of a serialized message, behind its header."""
    copy = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if len(copy) > 4:
            copy[rng.randrange(4, len(copy))] = rng.choice([0, 1, 2, 127, 128, 255, rng.randrange(256)])
    return bytes(copy[:rng.randrange(4, len(copy) + 1)] if len(copy) > 4 and rng.random() < 0.1 else copy)


def by_hypothesis(target: str, strategy: Any, check: Callable[[bytes], None], runs: int,
                  copies: int = 0) -> dict[str, Any]:
    """
    Check ``runs`` generated messages; return the counts, and the smallest failure if there is one.

    :param copies: number of changed copies of each message that are checked, too, which takes a quarter of the time of
        a new one; those that the middleware cannot read, and no node sees, are not counted.
    """
    import hypothesis
    from rclpy.serialization import serialize_message
    from targets import Broken, unreadable
    done = {'inputs': 0}
    failed: list[tuple[bytes, str]] = []        # the last one is the smallest

    def one(message: Any) -> None:
        data = message if isinstance(message, bytes) else serialize_message(message)
        rng = random.Random(data)       # noqa: S311 - the same copies when hypothesis asks again
        for item in (data, *(changed(data, rng) for _ in range(copies))):
            faulthandler.dump_traceback_later(LONGEST, exit=True)
            before = len(unreadable)
            try:
                check(item)
            except Broken as error:
                failed.append((item, str(error)))
                raise
            finally:
                faulthandler.cancel_dump_traceback_later()
            done['inputs'] += len(unreadable) == before

    settings = hypothesis.settings(max_examples=-(-runs // (copies + 1)), deadline=None, database=None,
                                   print_blob=False, phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
                                   suppress_health_check=list(hypothesis.HealthCheck))
    seed = 0
    while done['inputs'] < runs and not failed:
        seed += 1
        try:
            hypothesis.seed(seed)(settings(hypothesis.given(strategy)(one)))()
        except Broken:
            break
        if seed > 100:      # the strategy has no more inputs than these
            break
    if failed:
        return {**done, 'failed': failed[-1][1][:500], 'kept': str(keep(target, failed[-1][0]).relative_to(CORPUS))}
    return done


def by_atheris(target: str, runs: int) -> dict[str, Any]:
    """Fuzz one reader in a process of its own, which a crash of a C++ library would end."""
    import targets
    folder = targets.SCRATCH / f'seeds_{target}'
    folder.mkdir()
    for n, data in enumerate(targets.seeds(target)):
        (folder / str(n)).write_bytes(data)
    failures = targets.SCRATCH / f'failures_{target}'
    failures.mkdir()
    done = subprocess.run(
        [sys.executable, __file__, '--atheris', target, f'-runs={runs}', f'-artifact_prefix={failures}/',
         '-max_len=8192', f'-timeout={LONGEST}', '-rss_limit_mb=4096', '-print_final_stats=1', '-verbosity=0',
         str(folder)],
        capture_output=True, text=True, errors='replace')
    counted = [line.split()[-1] for line in done.stderr.splitlines() if 'number_of_executed_units' in line]
    result: dict[str, Any] = {'inputs': int(counted[-1]) if counted else 0}
    if done.returncode:
        kept = [str(keep(target, path.read_bytes()).relative_to(CORPUS)) for path in sorted(failures.iterdir())]
        said = [line for line in done.stderr.splitlines() if 'Broken' in line or 'ERROR' in line or 'Error:' in line]
        result |= {'failed': (said or done.stderr.splitlines() or ['?'])[-1][:500], 'kept': kept}
    return result


def atheris_child(target: str, options: list[str]) -> None:
    """Run libFuzzer over one reader; does not return."""
    import atheris
    with atheris.instrument_imports(include=['style_transfer_ros.engine', 'style_transfer_ros.archive',
                                             'style_transfer_ros.ros.calibration'], enable_loader_override=False):
        import targets
    check = targets.BYTES[target]
    atheris.Setup([sys.argv[0], *options], check)
    atheris.Fuzz()


def networks_alone(runs: int) -> dict[str, Any]:
    """Fuzz ONNX files in a process without the threads of DDS, because it forks."""
    done = subprocess.run([sys.executable, __file__, '--networks', str(runs)], stdout=subprocess.PIPE, text=True,
                          check=True)
    return json.loads(done.stdout.splitlines()[-1])


def networks_child(runs: int) -> None:
    """Do it; the last line is JSON."""
    import networks

    def check(data: bytes) -> None:
        before = dict(networks.ends)
        networks.onnx_file(data)
        for end in ('crashed', 'hung'):         # it was caught; CI replays the first ones through real checks
            if before.get(end, 0) < networks.ends.get(end, 0) <= _KEPT:
                keep('onnx_file', data)
    result = by_hypothesis('onnx_file', networks.onnx_files(), check, runs)
    print(json.dumps({**result, **networks.ends}), flush=True)


def fuzz(runs: int, only: list[str]) -> dict[str, Any]:
    """Fuzz everything, or the named targets; return the counts and failures by target."""
    import generated
    import networks
    from services import SERVICES, Subject
    import targets
    report: dict[str, Any] = {}
    subject = Subject()
    checks = {**targets.BYTES, 'onnx_file': networks.onnx_replay, **targets.MESSAGES,
              **{name: lambda data, name=name: subject.request(name, data) for name in SERVICES}}
    wanted = [name for name in checks if not only or name in only]

    def tell(name: str, result: dict[str, Any]) -> None:
        report[name] = {**result, 'seconds': round(time.monotonic() - begin, 1)}
        print(f'{name}: {report[name]}', flush=True)
    begin = time.monotonic()
    subject.check_painting()
    tell('corpus', replay({name: checks[name] for name in wanted}))
    for name in wanted:
        begin = time.monotonic()
        if name == 'onnx_file':
            tell(name, networks_alone(runs))
            continue
        if name in targets.BYTES and importlib.util.find_spec('atheris') is not None:
            tell(name, by_atheris(name, runs))
            continue
        known = {**generated.MESSAGES, **generated.REQUESTS}
        strategy = known[name] if name in known else generated.changed_bytes(targets.seeds(name))
        result = by_hypothesis(name, strategy, checks[name], runs, copies=4 if name in known else 0)
        if name in SERVICES:
            subject.check_painting()
        if name in SERVICES and name != 'change_state' and 'failed' not in result:
            sent = by_hypothesis(name, strategy, lambda data, name=name: subject.over_dds(name, data),
                                 min(runs, OVER_DDS))
            result = {**sent, **result, 'over_dds': sent['inputs']}
            subject.check_painting()
        tell(name, result)
    subject.close()
    return report


def main() -> None:
    """Fuzz from the command line."""
    if sys.argv[1:2] == ['--atheris']:
        return atheris_child(sys.argv[2], sys.argv[3:])
    if sys.argv[1:2] == ['--networks']:
        return networks_child(int(sys.argv[2]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--runs', type=int, default=10_000, help='inputs of each kind (default 10000)')
    parser.add_argument('--only', nargs='+', default=[], help='targets (default: all)')
    options = parser.parse_args()
    import targets
    begin = time.monotonic()
    try:
        report = fuzz(options.runs, options.only)
    finally:
        shutil.rmtree(targets.SCRATCH, ignore_errors=True)
    failed = {name: result for name, result in report.items() if 'failed' in result}
    print(json.dumps({'fuzz': 'failed' if failed else 'passed', 'inputs': sum(r['inputs'] for r in report.values()),
                      'seconds': round(time.monotonic() - begin), 'targets': report}), flush=True)
    os._exit(bool(failed))      # not through the teardown of DDS


if __name__ == '__main__':
    from style_transfer_ros.environment import stay_alone
    stay_alone()
    main()
