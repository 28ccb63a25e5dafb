"""C2PA manifests: written with the bundle's key, read back by the C2PA library, without a network."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from audit.base.errors import BadInput
from audit.evidence import bundle, credentials
from audit.evidence.adapters import Adapters
from audit.evidence.bag import digest
from audit.evidence.signing import open_key, public_pem
from audit.evidence.source import read_source
from audit.evidence.verify import verify
from audit.images import decode_png
from audit.images.ai_mark import SOURCE_TYPE
from tests.evidence.runs import picture
from tests.evidence.stranger import failing_commands

pytest.importorskip("c2pa")


@pytest.fixture(scope="module")
def made(finished, key, tmp_path_factory):
    """A bundle with manifests."""
    out = tmp_path_factory.mktemp("c2pa") / "bundle"
    request = bundle.Request(
        profile="redacted",
        out=out,
        originals=None,
        protected={},
        adapters=Adapters(Path("store"), {}, (), False),
        c2pa=True,
    )
    bundle.write_bundle(read_source(finished), request, key=key)
    return out


def test_every_generated_picture_says_who_made_it(made, key):
    data = made / "bag" / "data"
    root = (data / credentials.ROOT).read_bytes()
    found = {p.name: p.read_bytes() for p in sorted((data / "images").glob("generated*"))}
    assert len(found) == 38
    for name, png in list(found.items())[::9]:
        signer = digest(public_pem(key))
        assert credentials.read_credential(png) == credentials.Credential("Valid", SOURCE_TYPE, signer)
        trusted = credentials.read_credential(png, root=root)
        assert trusted is not None
        assert trusted.state == "Trusted"
        assert (decode_png(png) == picture(name)).all()
        assert b"Iptc4xmpExt:DigitalSourceType" in png


def test_the_bundle_is_whole_for_both_verifiers(made):
    assert [f for f in verify(made) if not f.passed] == []
    assert failing_commands(made, (made / "VERIFY.txt").read_text()) == []


def test_a_changed_picture_and_another_root_are_told(made, tmp_path):
    path = next((made / "bag" / "data" / "images").glob("generated*"))
    png = bytearray(path.read_bytes())
    png[-20] ^= 1
    changed = credentials.read_credential(bytes(png))
    assert changed is not None
    assert changed.state == "Invalid"
    other = credentials.sign_pictures([], key=open_key(tmp_path / "other.pem"), model="lab")
    foreign = credentials.read_credential(path.read_bytes(), root=other)
    assert foreign is not None
    assert foreign.state == "Valid"


NO_NETWORK = """
import sys
from pathlib import Path
from pathlib import Path
from audit.evidence.credentials import read_credential, sign_pictures
from audit.evidence.signing import open_key
path = Path(sys.argv[1])
sign_pictures([path], key=open_key(path.with_suffix(".pem")), model="lab")
print(read_credential(path.read_bytes()).state)
"""


def test_no_network_is_needed(finished, tmp_path):
    """In a network namespace of its own, where there is none; the library's own code cannot be watched otherwise."""
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode:
        pytest.skip("this system gives no network namespace")
    path = shutil.copy(next((finished / "images").glob("generated*")), tmp_path / "x.png")
    done = subprocess.run(
        ["unshare", "-rn", sys.executable, "-c", NO_NETWORK, path], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "Valid", done.stderr


def test_a_picture_without_manifest_has_none(finished):
    path = next((finished / "images").glob("generated*"))
    assert credentials.read_credential(path.read_bytes()) is None


def test_without_the_package_a_sentence_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(BadInput) as caught:
        credentials.load()
    assert caught.value.slug == "c2pa-missing"
