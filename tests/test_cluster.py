"""TF_CONFIG names the processes of a training, which find each other and say for whom they wait."""

import json
import socket
import threading

import pytest
from support.workers import free_addresses

from bert_tf.cluster import Cluster, Member, read_tf_config
from bert_tf.errors import UserError

WORKERS = ["10.0.0.1:2222", "10.0.0.2:2222"]
FIRST = {"type": "worker", "index": 0}


def tf_config(cluster: object, task: object = FIRST, **rest: object) -> str:
    return json.dumps({"cluster": cluster, "task": task, **rest})


def test_a_cluster_has_its_chief_first():
    cluster = read_tf_config(tf_config({"worker": WORKERS, "chief": ["[::1]:80"]}, {"type": "worker", "index": 1}))
    assert [str(member) for member in cluster.members] == [
        "chief 0 ([::1]:80)",
        "worker 0 (10.0.0.1:2222)",
        "worker 1 (10.0.0.2:2222)",
    ]
    assert cluster.own_number == 2
    assert (cluster.members[0].host, cluster.members[0].port) == ("::1", 80)


def test_an_index_may_be_a_text_as_in_tensorflow():
    assert read_tf_config(tf_config({"worker": WORKERS}, {"type": "worker", "index": "1"})).own_number == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "is not set"),
        ("", "is not set"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is not a JSON object"),
        ("{}", "has no cluster"),
        (tf_config("10.0.0.1:2222"), "has no cluster"),
        (tf_config({}), "has no worker"),
        (tf_config({"chief": WORKERS[:1]}, {"type": "chief", "index": 0}), "has no worker"),
        (tf_config({"ps": WORKERS}, {"type": "ps", "index": 0}), "has the task 'ps'"),
        (tf_config({"worker": WORKERS, "evaluator": ["10.0.0.3:1"]}), "has the task 'evaluator'"),
        (tf_config({"worker": []}), "has no address for worker"),
        (tf_config({"worker": WORKERS[0]}), "has no list of addresses for worker"),
        (tf_config({"worker": {"0": WORKERS[0]}}), "has no list of addresses for worker"),
        (tf_config({"worker": [WORKERS]}), "it must be HOST:PORT"),
        (tf_config({"worker": ["10.0.0.1"]}), "has '10.0.0.1' as the address of a worker; it must be HOST:PORT"),
        (tf_config({"worker": ["10.0.0.1:0"]}), "it must be HOST:PORT"),
        (tf_config({"worker": ["10.0.0.1:65536"]}), "it must be HOST:PORT"),
        (tf_config({"worker": ["http://10.0.0.1:80"]}), "it must be HOST:PORT"),
        (tf_config({"worker": ["a\n:80"]}), "it must be HOST:PORT"),
        (tf_config({"worker": [*WORKERS, WORKERS[0]]}), "has the address 10.0.0.1:2222 twice"),
        (tf_config({"worker": WORKERS[:1], "chief": WORKERS[:1]}), "has the address 10.0.0.1:2222 twice"),
        (tf_config({"worker": WORKERS[:1], "chief": ["a:1", "b:1"]}), "has 2 chiefs"),
        (tf_config({"worker": WORKERS}, None), "does not say which task"),
        (tf_config({"worker": WORKERS}, {}), "has None as the index"),
        (tf_config({"worker": WORKERS}, {"type": "worker", "index": 0.5}), "has 0.5 as the index"),
        (tf_config({"worker": WORKERS}, {"type": "worker", "index": True}), "has True as the index"),
        (tf_config({"worker": WORKERS}, {"type": "worker", "index": "first"}), "has 'first' as the index"),
        (tf_config({"worker": WORKERS}, {"type": "worker", "index": 2}), "has no worker 2"),
        (tf_config({"worker": WORKERS}, {"type": "worker", "index": -1}), "has no worker -1"),
        (tf_config({"worker": WORKERS}, {"type": "chief", "index": 0}), "has no chief 0"),
        (tf_config({"worker": WORKERS}, {"type": ["worker"], "index": 0}), "has no ['worker'] 0"),
        (tf_config({"worker": WORKERS}, FIRST, rpc_layer="mpi"), "has the rpc_layer 'mpi'"),
    ],
)
def test_a_tf_config_that_is_no_cluster_of_workers_is_refused_in_one_line(text, problem):
    with pytest.raises(UserError, match=r"^multi_worker_mirrored: TF_CONFIG ") as refusal:
        read_tf_config(text)
    assert problem in str(refusal.value) and len(str(refusal.value).splitlines()) == 1


def two_workers() -> list[Cluster]:
    members = tuple(Member("worker", index, address) for index, address in enumerate(free_addresses(2)))
    return [Cluster(members, number) for number in (0, 1)]


def start(cluster: Cluster, ended: threading.Event) -> threading.Event:
    """Waits for the others, and then listens as TensorFlow does. The event says that it found them."""
    found = threading.Event()

    def run() -> None:
        cluster.wait_for_all()
        with socket.create_server(("", cluster.own.port)):
            found.set()
            ended.wait(30)

    threading.Thread(target=run, daemon=True).start()
    return found


@pytest.mark.slow
def test_a_process_waits_for_the_others_and_says_for_whom(caplog):
    first, second = two_workers()
    ended = threading.Event()
    found = start(first, ended)
    assert not found.wait(5)
    assert caplog.messages == [f"multi_worker_mirrored: waiting for 1 of 2: {second.own.address}"]
    also_found = start(second, ended)
    assert found.wait(30) and also_found.wait(30)
    ended.set()


def test_a_port_that_another_program_uses_is_named_in_one_line():
    cluster, _ = two_workers()
    refusal = rf"worker 0 \({cluster.own.address}\) cannot listen at port"
    with (
        socket.create_server((cluster.own.host, cluster.own.port)),
        pytest.raises(UserError, match=refusal),
    ):
        cluster.wait_for_all()


def test_a_message_of_tensorflow_names_a_member():
    cluster, _ = two_workers()
    lost = "/job:worker/replica:0/task:0: lost /job:worker/replica:0/task:1 (10 s)"
    assert cluster.find(lost) == cluster.members[1]
    assert cluster.find("/job:worker/replica:0/task:7") is None
