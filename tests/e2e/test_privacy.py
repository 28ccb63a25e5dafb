"""Nothing that a picture file tells about a person, and nothing about the machine, is in what a run writes."""

from __future__ import annotations

import getpass
import io
import socket
from pathlib import Path

import pytest
from PIL import Image, ImageCms, PngImagePlugin
from typer.testing import CliRunner

from audit.cli import app
from audit.evidence.privacy import COMMON_NAMES, metadata_kinds
from tests.e2e.folders import drawing, write_spec

SECRET = "Jane Q. Doe 1234567"
XMP = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><a>{SECRET} xmp</a></x:xmpmeta>".encode()


def telling_profile() -> bytes:
    """An sRGB profile with the secret behind it."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + SECRET.encode()


def exif() -> Image.Exif:
    made = Image.Exif()
    made[0x013B] = f"{SECRET} exif"
    made[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0), 29: f"{SECRET} gps"}
    return made


def write_telling(folder: Path) -> Path:
    """12 works as PNG, JPEG and WebP with everything that these formats can tell."""
    folder.mkdir()
    for index in range(12):
        picture = Image.fromarray(drawing(index))
        shared = {"exif": exif(), "icc_profile": telling_profile()}
        match index % 3:
            case 0:
                text = PngImagePlugin.PngInfo()
                text.add_text("Author", f"{SECRET} text")
                text.add_itxt("XML:com.adobe.xmp", XMP.decode())
                picture.save(folder / f"{index}.png", pnginfo=text, **shared)
            case 1:
                picture.save(folder / f"{index}.jpg", comment=f"{SECRET} comment".encode(), xmp=XMP, **shared)
            case _:
                picture.save(folder / f"{index}.webp", xmp=XMP, **shared)
    assert all(SECRET.encode() in p.read_bytes() for p in folder.iterdir())
    return folder


def test_the_made_up_works_do_tell(tmp_path):
    found = {p.suffix: metadata_kinds(p.read_bytes()) for p in write_telling(tmp_path / "art").iterdir()}
    for kinds in found.values():
        assert {"EXIF", "GPS", "ICC profile"} <= set(kinds)
    assert "comment" in found[".jpg"]
    assert "text" in found[".png"]


@pytest.mark.slow
def test_nothing_of_it_is_in_what_a_run_and_a_bundle_write(tiny_model, tmp_path):
    art = write_telling(tmp_path / "art")
    out, store, bundle = tmp_path / "out", tmp_path / "store", tmp_path / "bundle"
    spec = write_spec(tmp_path / "audit.toml")
    args = ["run", "--originals", art, "--protect", "encoder-pgd:12", "--against", "jpeg:60", "--spec", spec, "--model"]
    args += [tiny_model, "--preset", "quick", "--replicates", 1, "--out", out, "--store", store]
    done = CliRunner().invoke(app, [str(a) for a in args])
    assert done.exit_code in (0, 3), done.stderr
    for edition in (["--court"], ["--lang", "de"]):
        assert CliRunner().invoke(app, ["report", str(out), *edition]).exit_code == 0
    args = ["bundle", out, "--out", bundle, "--store", store, "--key", tmp_path / "key.pem", "--c2pa"]
    assert CliRunner().invoke(app, [str(a) for a in args]).exit_code == 0
    forbidden = [SECRET.encode(), str(tmp_path).encode(), str(Path.home()).encode() + b"/"]
    for name in (socket.gethostname(), getpass.getuser()):
        # Short names are found in any encoded picture.
        if len(name) > 5 and name.lower() not in COMMON_NAMES:
            forbidden.append(name.encode())
    # The store writes down where runs lie, for `forget` alone; what it holds there never leaves it.
    kept = store / "owners"
    files = [p for folder in (out, store, bundle) for p in folder.rglob("*") if p.is_file() and p.parent != kept]
    assert not any(SECRET.encode() in p.read_bytes() for p in kept.iterdir())
    assert len(files) > 60
    for path in files:
        data = path.read_bytes()
        assert not [word for word in forbidden if word in data], path
        if path.suffix == ".png":
            assert metadata_kinds(data) == [], path
            with Image.open(io.BytesIO(data)) as picture:
                generated = path.name.startswith("ai-generated")
                assert set(picture.info) == ({"XML:com.adobe.xmp", "xmp"} if generated else set())
