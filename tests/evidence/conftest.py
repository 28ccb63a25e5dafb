"""One finished run, one authority and one stamped bundle for the whole session; tests change copies."""

from __future__ import annotations

import shutil

import pytest

from audit.evidence.adapters import Adapters
from audit.evidence.bundle import Request, write_bundle
from audit.evidence.signing import open_key
from audit.evidence.source import read_source
from audit.evidence.stamp import stamp
from audit.runfolder import claim
from tests.builders import make_plan
from tests.evidence.authority import make_authority
from tests.evidence.runs import PROMPTS, begin, write_run

NO_ADAPTERS = Adapters({}, (), False)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("tsa") / "tsa")


@pytest.fixture(scope="session")
def finished(tmp_path_factory, authority):
    """A finished run whose plan was stamped before training."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    plan = make_plan(prompts=PROMPTS)
    begin(folder, plan)
    reply = folder.parent / "plan-reply.tsr"
    reply.write_bytes(authority.reply((folder / "plan.tsq").read_bytes()))
    stamp(folder, reply=reply, url=None, chain=authority.chain)
    claim(folder, plan)
    return write_run(folder, plan)


@pytest.fixture(scope="session")
def key(tmp_path_factory):
    return open_key(tmp_path_factory.mktemp("keys") / "key.pem")


@pytest.fixture(scope="session")
def sealed(tmp_path_factory, finished, authority, key):
    """A stamped bundle of that run; never changed."""
    out = tmp_path_factory.mktemp("sealed") / "bundle"
    request = Request(profile="redacted", out=out, originals=None, protected=None, adapters=NO_ADAPTERS)
    write_bundle(read_source(finished), request, key=key)
    reply = out.parent / "reply.tsr"
    reply.write_bytes(authority.reply((out / "tagmanifest.tsq").read_bytes()))
    stamp(out, reply=reply, url=None, chain=authority.chain)
    return out


@pytest.fixture
def copy(sealed, tmp_path):
    """A copy of the bundle to spoil."""
    return shutil.copytree(sealed, tmp_path / "bundle")
