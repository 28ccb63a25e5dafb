"""The packages of a run as a CycloneDX 1.6 bill of materials."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from audit.records import Environment, Results

_NAMESPACE = uuid.UUID("6f1c2a58-4c0e-5f0e-9d8e-2f6f4c3b7a10")


def sbom_text(results: Results, environment: Environment | None) -> str:
    """JSON text; the digest beside a package is that of its RECORD file.

    Without an environment the components are the packages that results.json names, without digests.
    """
    # References of their own, or each writing would draw others.
    tool = Component(
        name="cloakcheck",
        version=results.plan.tool_version,
        type=ComponentType.APPLICATION,
        bom_ref=f"tool:cloakcheck@{results.plan.tool_version}",
    )
    model = Component(
        name=results.plan.model.name,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        version=results.plan.model.sha256,
        bom_ref=f"model:{results.plan.model.sha256}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=results.plan.model.sha256)],
    )
    bom = Bom(
        components=[*_components(results.provenance.packages, environment), model],
        serial_number=uuid.uuid5(_NAMESPACE, results.digest()),
    )
    bom.metadata.timestamp = datetime.fromisoformat(results.provenance.finished)
    bom.metadata.component = tool
    bom.register_dependency(tool, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def _components(named: Mapping[str, str], environment: Environment | None) -> list[Component]:
    if environment is None:
        return [_component(n, v, None) for n, v in sorted(named.items()) if v != "not installed"]
    return [_component(p.name, p.version, p.sha256) for p in environment.packages]


def _component(name: str, version: str, digest: str | None) -> Component:
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{name}@{version}",
        purl=PackageURL("pypi", name=name.lower().replace("_", "-"), version=version),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else [],
    )
