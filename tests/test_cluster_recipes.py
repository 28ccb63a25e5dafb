"""The recipes for Slurm and Kubernetes, as far as they can be looked at without either."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

PAGE = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "cluster-recipes.md"


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.S | re.M)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_the_files_for_a_shell_can_be_read_by_one():
    for block in blocks("sh"):
        read = subprocess.run(["bash", "-n"], input=block, text=True, capture_output=True, check=False)
        assert read.returncode == 0, read.stderr
    slurm = blocks("sh")[0]
    assert slurm.startswith("#!/bin/bash\n#SBATCH ")
    # Slurm reads its options up to the first command.
    assert "#SBATCH" not in slurm.partition("set -euo pipefail")[2]


def test_the_manifest_is_a_cluster_that_asks_for_a_token_and_lets_in_itself_alone():
    cluster, rule = yaml.safe_load_all(blocks("yaml")[0])
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    head, (group,) = cluster["spec"]["headGroupSpec"], cluster["spec"]["workerGroupSpecs"]
    assert all(isinstance(value, str) for value in head["rayStartParams"].values())
    (of_head,), (of_group,) = (part["template"]["spec"]["containers"] for part in (head, group))
    assert of_head["image"] == of_group["image"]
    for container in (of_head, of_group):
        assert {"name": "RAY_AUTH_MODE", "value": "token"} in container["env"]
        assert container["resources"]["requests"] == container["resources"]["limits"]
    assert {mount["name"] for mount in of_head["volumeMounts"]} == {
        v["name"] for v in head["template"]["spec"]["volumes"]
    }
    assert "volumeMounts" not in of_group
    assert rule["kind"] == "NetworkPolicy"
    (let_in,) = rule["spec"]["ingress"]
    assert let_in["from"][0]["podSelector"] == rule["spec"]["podSelector"]
    assert rule["spec"]["podSelector"]["matchLabels"]["ray.io/cluster"] == cluster["metadata"]["name"]
