"""Audits on a real Ray cluster of this machine; where Ray is not installed, `test_cluster.py` tries the rest."""

from __future__ import annotations

import socket
import threading

import pytest

from audit.executor.cluster.rays import RayCluster
from audit.plan import executors
from tests.test_cluster import alike, audit, here  # noqa: F401 (a fixture)

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore")


def test_an_audit_on_ray_makes_what_one_here_makes(here, audit):  # noqa: F811
    there = audit("there", "ray")
    alike(here, there)
    assert there.provenance.reused_elsewhere == ()


@pytest.fixture
def cluster(monkeypatch):
    """A cluster of a node with a core, by Ray's own utility; it takes drivers from outside, too."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    head = {"num_cpus": 1, "include_dashboard": False, "ray_client_server_port": port}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    yield cluster
    executors.close_clusters()
    cluster.shutdown()


def test_a_node_that_is_removed_in_the_middle_changes_nothing(here, audit, cluster, monkeypatch):  # noqa: F811
    second = cluster.add_node(num_cpus=1)
    put, count, worked, ended = ray.put, [], set(), set()
    end = RayCluster.end

    def removed_later(thing):
        count.append(thing)
        if len(count) == 40:
            (shared,) = executors._OPEN.values()
            worked.update(node for node, _ in shared.carrier.hellos())
            threading.Thread(target=cluster.remove_node, args=(second, False)).start()
        return put(thing)

    def noted(self, seat):
        ended.add(seat.node)
        end(self, seat)

    monkeypatch.setattr(RayCluster, "end", noted)
    monkeypatch.setattr(ray, "put", removed_later)
    there = audit("there", f"ray:{cluster.address}")
    alike(here, there)
    assert len(worked) == 2
    assert ended == {second.node_id}


def test_an_audit_from_outside_a_cluster_makes_what_one_here_makes(here, audit, cluster):  # noqa: F811
    pytest.importorskip("grpc", reason="Ray's client is not installed")
    host = cluster.address.rpartition(":")[0]
    there = audit("there", f"ray://{host}:{cluster.head_node._ray_params.ray_client_server_port}")
    alike(here, there)
    assert there.provenance.reused_elsewhere == ()
