# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The worker: slow work in one thread, results in the executor's, in the order of the requests."""
from concurrent.futures import Future
import queue
import threading
from types import SimpleNamespace
import weakref

import pytest

from style_transfer_ros.ros.worker import Busy, LARGEST_QUEUE, Worker

SOON, NEVER = 10, 0.2       # s: a deadline, and how long it is watched that nothing comes


@pytest.fixture
def worker(ros):
    made = Worker(ros.node())
    yield made
    made.stop()


def submit(ros, worker, work, then):
    """Submit from the executor's thread, as the node does."""
    ros.run(lambda: worker.submit(work, then))


def test_results_come_back_in_the_executors_thread_in_the_order_of_the_requests(ros, worker):
    results, gate = queue.Queue(), threading.Event()

    def work(number):
        gate.wait(SOON)
        return number, threading.current_thread().name

    def then(outcome: Future):
        results.put((*outcome.result(), threading.get_ident()))
    for number in range(5):
        submit(ros, worker, lambda number=number: work(number), then)
    gate.set()
    found = [results.get(timeout=SOON) for _ in range(5)]
    executor = ros.run(threading.get_ident)
    assert found == [(number, 'worker', executor) for number in range(5)]


def test_an_error_is_handed_to_whom_asked_and_the_next_request_is_served(ros, worker):
    outcomes = queue.Queue()
    submit(ros, worker, lambda: 1 / 0, outcomes.put)
    submit(ros, worker, lambda: 'fine', outcomes.put)
    assert isinstance(outcomes.get(timeout=SOON).exception(), ZeroDivisionError)
    assert outcomes.get(timeout=SOON).result() == 'fine'


def test_a_full_queue_refuses_with_a_sentence_and_has_room_again_when_it_is_worked_off(ros, worker):
    gate, outcomes = threading.Event(), queue.Queue()
    for _ in range(LARGEST_QUEUE):
        ros.run(worker.check_room)
        submit(ros, worker, lambda: gate.wait(SOON), outcomes.put)
    with pytest.raises(Busy, match=f'^{LARGEST_QUEUE} requests wait already.*call again in a second.$'):
        ros.run(worker.check_room)
    gate.set()
    for _ in range(LARGEST_QUEUE):
        assert outcomes.get(timeout=SOON).result()
    ros.run(worker.check_room)


def test_nothing_is_begun_or_delivered_after_stop(ros, worker):
    begun, gate, done = queue.Queue(), threading.Event(), []

    def work():
        begun.put(threading.current_thread())
        gate.wait(SOON)
    submit(ros, worker, work, done.append)
    submit(ros, worker, lambda: done.append('begun'), done.append)
    thread = begun.get(timeout=SOON)
    ros.run(worker.stop)
    gate.set()
    thread.join(SOON)
    ros.run(lambda: None)       # what was delivered would have been by now
    assert not thread.is_alive() and done == []


def test_nothing_of_the_last_work_is_held_while_the_thread_waits_for_more(ros, worker):
    class Model:
        pass
    model, outcomes = Model(), queue.Queue()
    alive = weakref.ref(model)
    submit(ros, worker, lambda model=model: model, outcomes.put)
    del model
    outcomes.get(timeout=SOON)
    ros.wait_until(lambda: alive() is None, 'the model is gone', SOON)


def test_work_that_the_thread_takes_just_then_keeps_no_worker_from_stopping(worker, monkeypatch):
    work = worker._work

    def taken():
        raise queue.Empty
    monkeypatch.setattr(worker, '_work', SimpleNamespace(empty=lambda: False, get_nowait=taken, put=work.put))
    worker.stop()
