"""TIFF, AVIF, Photoshop's flat picture and HEIC come through the one door, or are refused in a sentence."""

from __future__ import annotations

import base64
import io
import struct

import numpy as np
import pytest
from PIL import Image

from audit.base.errors import BadInput
from audit.images import more, open_picture
from audit.images.decoder import open_isolated
from tests.works import gather, note, put, work

PIXELS = work(3, height=48, width=64)
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAVZtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA"
    "ACJpbG9jAAAAAERAAAEAAQAAAAABegABAAAAAAAAAHQAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRt"
    "AAAAAAABAAAA1mlwcnAAAAC3aXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMA"
    "AAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwAeoDCBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQAAAABNjb2xy"
    "bmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABgAAAAQAAAABBwaXhpAAAAAAMICAgAAAAXaXBtYQAAAAAAAAABAAEEgQIDBAAAAHxt"
    "ZGF0AAAAcCgBrwng40ecuq///Z3///5Fu5D9PQOkglP/2MtHfrcR//dJoaxZWzgrc5vmLaCvnZH5TOBqWt749m0pCs0gQJeA6acp"
    "ZOD3FCNeOiNRVMAf9rmEjfVonc4GPDkHIqJuXI+QoHjMzyBtFAF/GCKr0+A="
)
"""64 x 96 px, its left half (200, 60, 40), its right half (30, 90, 180)."""


def psd(pixels: np.ndarray, *, flat: bool = True) -> bytes:
    """A Photoshop file of one flat picture; without it says that it holds layers alone."""
    height, width, _ = pixels.shape
    info = struct.pack(">IB", 1, flat) + b"\0" * 9
    resource = b"8BIM" + struct.pack(">H2xI", 1057, len(info)) + info
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, height, width, 8, 3)
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)).tobytes()
    return head + struct.pack(">I", 0) + struct.pack(">I", len(resource)) + resource + struct.pack(">IH", 0, 0) + planes


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def opened(folder, data: bytes, name: str):
    (folder / name).write_bytes(data)
    return open_picture(folder / name)


RGB = Image.fromarray(PIXELS)
GREY16 = Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.tif", saved(RGB, "TIFF"), PIXELS),
        ("a.tiff", saved(RGB, "TIFF", compression="tiff_lzw"), PIXELS),
        ("a.tif", saved(GREY16, "TIFF"), np.repeat(PIXELS[..., :1], 3, axis=2)),
        ("a.tif", saved(Image.fromarray(np.dstack([PIXELS, PIXELS[..., 0] | 255])), "TIFF"), PIXELS),
        ("a.psd", psd(PIXELS), PIXELS),
    ],
    ids=["plain", "lzw", "grey of 16 bits", "with alpha", "photoshop"],
)
def test_lossless_ones_come_in_to_the_level(name, data, expected, tmp_path):
    pixels, facts = opened(tmp_path, data, name)
    np.testing.assert_array_equal(pixels, expected)
    assert not facts.lossy


def test_an_avif_comes_in_as_lossy_and_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels, facts = opened(tmp_path, saved(RGB, "AVIF", quality=95, exif=exif), "a.avif")
    assert facts.lossy
    assert np.abs(pixels.astype(int) - np.rot90(PIXELS, -1)).mean() < 5


def test_wide_and_high_range_colours_of_an_avif_are_told():
    def nclx(primaries, curve):
        return b"\0\0\0\x13colrnclx" + struct.pack(">HHHB", primaries, curve, 0, 128)

    assert more.stated_colours(nclx(1, 13)) == {}
    assert more.stated_colours(nclx(2, 2)) == {}
    assert more.stated_colours(nclx(12, 13)) == {b"cICP": bytes((12, 13, 0, 1))}
    assert more.stated_colours(nclx(9, 16)) == {b"cICP": bytes((9, 16, 0, 1))}


@pytest.mark.parametrize(
    ("name", "data", "slug"),
    [
        ("a.psd", psd(PIXELS, flat=False), "picture-no-flat"),
        ("a.tif", saved(Image.fromarray(PIXELS[..., 0].astype(np.float32)), "TIFF"), "picture-mode"),
        ("a.tif", saved(Image.fromarray(PIXELS[..., 0].astype(np.int32)), "TIFF"), "picture-mode"),
        ("a.tif", saved(RGB, "TIFF")[:3000], "picture-truncated"),
        ("a.psd", psd(PIXELS)[:3000], "picture-truncated"),
        ("a.avif", saved(RGB, "AVIF")[:200], "picture-truncated"),
    ],
    ids=["layers alone", "floats", "32 bits", "cut tiff", "cut photoshop", "cut avif"],
)
def test_what_cannot_be_told_is_refused_by_name(name, data, slug, tmp_path):
    with pytest.raises(BadInput) as caught:
        opened(tmp_path, data, name)
    assert caught.value.slug == slug
    with pytest.raises(BadInput, match=name):
        open_isolated(tmp_path / name)


@pytest.mark.skipif(not more.reads_heic(), reason="the extra heic is not installed")
def test_a_heic_comes_in(tmp_path):
    pixels, facts = opened(tmp_path, HEIC, "a.heic")
    assert facts.lossy
    assert np.abs(pixels[:, :40].astype(int) - (200, 60, 40)).max() < 12
    assert np.abs(pixels[:, 56:].astype(int) - (30, 90, 180)).max() < 12


@pytest.mark.skipif(more.reads_heic(), reason="the extra heic is installed")
def test_a_heic_without_its_extra_says_how_to_get_it(tmp_path):
    with pytest.raises(BadInput, match="extra heic"):
        opened(tmp_path, HEIC, "a.png")


def test_a_working_file_beside_its_export_is_left_out_and_one_alone_is_a_work(tmp_path):
    art = tmp_path / "art"
    for seed in range(10):
        put(art / f"piece {seed}.png", work(seed))
    (art / "Piece 3.psd").write_bytes(psd(work(3)))
    put(art / "alone.tif", work(50))
    found = gather(art)
    assert [w.name for w in found.works if not w.name.endswith(".png")] == ["alone.tif"]
    assert "'Piece 3.psd'" in note(found, "doubles-left-out").sentence
