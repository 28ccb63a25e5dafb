"""One finished run, one authority and one stamped bundle for the whole session; tests change copies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from audit.base.files import file_digest
from audit.evidence.adapters import Adapters
from audit.evidence.bundle import Request, write_bundle
from audit.evidence.signing import open_key
from audit.evidence.source import read_source
from audit.evidence.stamp import stamp
from audit.images import open_picture, pixels_digest
from audit.records.seeding import derived_seed
from audit.report import write_report
from audit.runfolder import claim
from tests.builders import make_plan, make_work
from tests.evidence.authority import make_authority
from tests.evidence.runs import PROMPTS, WEIGHTS, begin, picture, write_run

NO_ADAPTERS = Adapters(Path("store"), {}, (), False)


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
    request = Request(profile="redacted", out=out, originals=None, protected={}, adapters=NO_ADAPTERS)
    write_bundle(read_source(finished), request, key=key)
    reply = out.parent / "reply.tsr"
    reply.write_bytes(authority.reply((out / "tagmanifest.tsq").read_bytes()))
    stamp(out, reply=reply, url=None, chain=authority.chain)
    return out


@pytest.fixture(scope="session")
def works(tmp_path_factory):
    """Folder of 12 original files, JPEG with GPS in them but for a TIFF and an AVIF, and a run of exactly these."""
    folder = tmp_path_factory.mktemp("works")
    (folder / "art").mkdir()
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 0.0)}
    found = []
    for index in range(12):
        path = folder / "art" / f"my picture {index}{ {10: '.tiff', 11: '.avif'}.get(index, '.jpg') }"
        told = {"exif": exif, "comment": b"by Jane Doe"} if path.suffix == ".jpg" else {}
        Image.fromarray(picture(f"work {index}")).save(path, **told)
        made = make_work(index, split="reference" if index % 3 == 0 else "pool", name=path.name)
        seen = pixels_digest(open_picture(path)[0])
        found.append(made.model_copy(update={"sha256": file_digest(path), "pixels": seen}))
    run = write_run(folder / "run", make_plan(prompts=PROMPTS, works=tuple(found)))
    return folder / "art", run


@pytest.fixture(scope="session")
def sealed_full(tmp_path_factory, works, authority, key):
    """A stamped bundle that holds every kind of file there is; never changed."""
    art, run = works
    home = tmp_path_factory.mktemp("full")
    run, out = shutil.copytree(run, home / "run"), home / "bundle"
    write_report(read_source(run).results, run_folder=run, edition="court")
    # The plan's stamp came before training, which tests of a made-up run need not wait for.
    for name, data in (("plan.tsr", authority.reply((run / "plan.tsq").read_bytes())), ("plan-tsa.pem", None)):
        (run / name).write_bytes(data or authority.chain.read_bytes())
    weights = home / "adapter.safetensors"
    weights.write_bytes(WEIGHTS)
    kept = Adapters(weights.parent, {file_digest(weights): weights}, (), True)
    request = Request(profile="full", out=out, originals=art, protected={}, adapters=kept, c2pa=True)
    write_bundle(read_source(run), request, key=key)
    reply = home / "reply.tsr"
    reply.write_bytes(authority.reply((out / "tagmanifest.tsq").read_bytes()))
    stamp(out, reply=reply, url=None, chain=authority.chain)
    return out


@pytest.fixture
def copy(sealed, tmp_path):
    """A copy of the bundle to spoil."""
    return shutil.copytree(sealed, tmp_path / "bundle")


@pytest.fixture(scope="session")
def forger(tmp_path_factory):
    return open_key(tmp_path_factory.mktemp("forger") / "key.pem")


@pytest.fixture(scope="session")
def honest(tmp_path_factory):
    """A run whose seed follows from its plan."""
    plan = make_plan(prompts=PROMPTS).model_copy(update={"seed_source": "plan"})
    return write_run(tmp_path_factory.mktemp("honest") / "run", plan.model_copy(update={"seed": derived_seed(plan)}))


@pytest.fixture
def run(honest, tmp_path):
    return shutil.copytree(honest, tmp_path / "run")
