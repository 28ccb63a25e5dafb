"""The door to picture files: every mode comes in as upright RGB, every hostile file is one sentence."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from audit import images
from audit.base.errors import BadInput
from audit.images import (
    PictureFacts,
    Pixels,
    decode_png,
    encode_png,
    fingerprint,
    linf,
    open_picture,
    pixels_digest,
    psnr,
    rms,
)


def pattern(height: int = 40, width: int = 60) -> Pixels:
    """Every channel and corner differs, so a swap, flip or turn shows."""
    rows, columns = np.mgrid[0:height, 0:width]
    red, green = rows * 255 // (height - 1), columns * 255 // (width - 1)
    return np.stack([red, green, (red + 2 * green) // 3], axis=-1).astype(np.uint8)


def chunk(tag: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))


def raw_png(samples: np.ndarray, colour_type: int, *, extra: bytes = b"") -> bytes:
    """A PNG written by hand, since Pillow cannot write 16 bits per channel in colour."""
    samples = samples.reshape(*samples.shape[:2], -1)
    height, width, _ = samples.shape
    depth = samples.dtype.itemsize * 8
    rows = b"".join(b"\0" + row.astype(samples.dtype.newbyteorder(">")).tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def read(path: Path, data: bytes | Image.Image, **options: object) -> tuple[Pixels, PictureFacts]:
    if isinstance(data, Image.Image):
        data.save(path, **options)
    else:
        path.write_bytes(data)
    pixels, facts = open_picture(path)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (facts.height, facts.width, 3)
    return pixels, facts


# --- modes -----------------------------------------------------------------------------------------


def test_rgb_png_is_exact(tmp_path: Path) -> None:
    pixels, facts = read(tmp_path / "a.png", Image.fromarray(pattern()))
    assert np.array_equal(pixels, pattern())
    assert (facts.format, facts.mode, facts.frames, facts.lossy) == ("PNG", "RGB", 1, False)
    assert (facts.icc, facts.rotated, facts.transparent) == ("none", False, False)


def test_palette_and_transparent_palette_entry(tmp_path: Path) -> None:
    image = Image.fromarray(np.repeat(np.arange(4, dtype=np.uint8)[None], 3, axis=0), "L").convert("P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30])
    pixels, facts = read(tmp_path / "a.png", image)
    assert pixels[0].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]]
    assert facts.mode == "P"
    pixels, facts = read(tmp_path / "b.png", image, transparency=3)
    assert pixels[0, 3].tolist() == [255, 255, 255]
    assert facts.transparent
    pixels, _ = read(tmp_path / "c.png", image, transparency=bytes([255, 128, 255, 255]))
    assert pixels[0, 1].tolist() == [127, 255, 127]


def test_alpha_is_composited_on_white(tmp_path: Path) -> None:
    alpha = np.linspace(0, 255, 60).astype(np.uint8)[None].repeat(40, axis=0)
    rgba = np.dstack([pattern(), alpha])
    pixels, facts = read(tmp_path / "a.png", Image.fromarray(rgba))
    share = alpha[..., None] / 255.0
    assert np.abs(pixels - (pattern() * share + 255 * (1 - share))).max() <= 1
    assert facts.transparent
    opaque = np.dstack([pattern(), np.full_like(alpha, 255)])
    pixels, facts = read(tmp_path / "b.png", Image.fromarray(opaque))
    assert np.array_equal(pixels, pattern())
    assert not facts.transparent


def test_grey_with_alpha_and_one_bit(tmp_path: Path) -> None:
    grey = pattern()[..., 1]
    pixels, _ = read(tmp_path / "a.png", Image.fromarray(np.dstack([grey, grey]), "LA"))
    share = grey / 255.0
    assert np.abs(pixels[..., 0] - (grey * share + 255 * (1 - share))).max() <= 1
    pixels, facts = read(tmp_path / "b.png", Image.fromarray(grey > 100))
    assert facts.mode == "1"
    assert np.array_equal(pixels, np.repeat(np.where(grey > 100, 255, 0)[..., None], 3, axis=2))


@pytest.mark.parametrize(("colour_type", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path, colour_type: int, channels: int) -> None:
    deep = (pattern().astype(np.uint16) * 257)[..., : 3 if channels > 2 else 1]
    if channels in (2, 4):
        deep = np.dstack([deep, np.full(deep.shape[:2], 65535, np.uint16)])
    pixels, _ = read(tmp_path / "a.png", raw_png(deep, colour_type))
    expected = pattern() if channels > 2 else np.repeat(pattern()[..., :1], 3, axis=2)
    assert np.array_equal(pixels, expected)


def test_sixteen_bit_grey_with_a_transparent_level(tmp_path: Path) -> None:
    deep = np.tile(np.array([[0, 1000, 65535]], np.uint16), (3, 1))
    pixels, facts = read(tmp_path / "a.png", raw_png(deep, 0, extra=chunk(b"tRNS", struct.pack(">H", 1000))))
    assert pixels[0, :, 0].tolist() == [0, 255, 255]
    assert facts.transparent


def test_cmyk_jpeg(tmp_path: Path) -> None:
    pixels, facts = read(tmp_path / "a.jpg", Image.new("CMYK", (32, 24), (0, 255, 255, 0)), quality=95)
    assert facts.mode == "CMYK"
    assert facts.lossy
    assert np.abs(pixels.astype(int) - [255, 0, 0]).max() <= 3


@pytest.mark.parametrize("lossless", [True, False])
def test_webp(tmp_path: Path, lossless: bool) -> None:
    pixels, facts = read(tmp_path / "a.webp", Image.fromarray(pattern()), lossless=lossless)
    assert (facts.format, facts.lossy) == ("WEBP", not lossless)
    assert np.array_equal(pixels, pattern()) == lossless


def test_webp_with_transparency_is_still_known_as_lossy(tmp_path: Path) -> None:
    rgba = Image.fromarray(np.dstack([pattern(), pattern()[..., 0]]))
    for lossless in (True, False):
        _, facts = read(tmp_path / "a.webp", rgba, lossless=lossless, exact=True)
        assert facts.lossy != lossless
        assert facts.transparent


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_animations_give_their_first_frame(tmp_path: Path, suffix: str) -> None:
    frames = [Image.fromarray(pattern()), Image.new("RGB", (60, 40), "red"), Image.new("RGB", (60, 40))]
    options: dict[str, object] = {"lossless": True} if suffix == "webp" else {}
    pixels, facts = read(
        tmp_path / f"a.{suffix}", frames[0], save_all=True, append_images=frames[1:], duration=100, **options
    )
    assert facts.frames == 3
    assert not facts.lossy
    assert np.array_equal(pixels, pattern())


# The eight EXIF orientations: how the stored picture has to be turned to be upright.
TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels, facts = read(tmp_path / "a.png", Image.fromarray(pattern()), exif=exif)
    assert np.array_equal(pixels, TURNS[orientation](pattern()))
    assert facts.rotated == (orientation != 1)


def test_sixteen_bit_grey_is_turned_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = Image.fromarray(pattern()[..., 1].astype(np.uint16) * 257)
    pixels, _ = read(tmp_path / "a.png", deep, exif=exif)
    assert np.array_equal(pixels[..., 0], np.rot90(pattern()[..., 1], -1))


def test_damaged_exif_does_not_cost_the_picture(tmp_path: Path) -> None:
    exif = b"Exif\0\0II*\0\xff\xff\xff\x7f\x01\x02\x03"
    pixels, facts = read(tmp_path / "a.jpg", Image.fromarray(pattern()), exif=exif, quality=95)
    assert linf(pixels, pattern()) < 40
    assert not facts.rotated


# --- colour profiles -------------------------------------------------------------------------------


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile() -> bytes:
    """sRGB with the columns of red and green exchanged: a profile whose effect is known exactly."""
    profile = srgb_profile().replace(b"rXYZ", b"tmpX", 1).replace(b"gXYZ", b"rXYZ", 1)
    return profile.replace(b"tmpX", b"gXYZ", 1)


def test_an_srgb_profile_changes_nothing(tmp_path: Path) -> None:
    pixels, facts = read(tmp_path / "a.png", Image.fromarray(pattern()), icc_profile=srgb_profile())
    assert facts.icc == "srgb"
    assert np.array_equal(pixels, pattern())


def test_another_profile_is_converted(tmp_path: Path) -> None:
    pixels, facts = read(tmp_path / "a.png", Image.fromarray(pattern()), icc_profile=swapped_profile())
    assert facts.icc == "converted"
    assert linf(pixels, pattern()[..., [1, 0, 2]].copy()) <= 3


def test_transparency_survives_a_profile(tmp_path: Path) -> None:
    rgba = np.dstack([pattern(), np.where(pattern()[..., 0] > 90, 255, 0).astype(np.uint8)])
    pixels, facts = read(tmp_path / "a.png", Image.fromarray(rgba), icc_profile=swapped_profile())
    assert (facts.icc, facts.transparent) == ("converted", True)
    assert (pixels[0] == 255).all()
    assert linf(pixels[20:], pattern()[20:, :, [1, 0, 2]].copy()) <= 3


@pytest.mark.parametrize("profile", [b"no profile", b"", srgb_profile()[:200]])
def test_an_unusable_profile_is_ignored(tmp_path: Path, profile: bytes) -> None:
    pixels, facts = read(tmp_path / "a.png", Image.fromarray(pattern()), icc_profile=profile)
    assert facts.icc == ("unusable" if profile else "none")
    assert np.array_equal(pixels, pattern())


def test_an_rgb_profile_fits_grey_but_not_cmyk(tmp_path: Path) -> None:
    grey = pattern()[..., 0]
    pixels, facts = read(tmp_path / "a.png", Image.fromarray(grey), icc_profile=srgb_profile())
    assert facts.icc == "srgb"
    assert np.array_equal(pixels, np.repeat(grey[..., None], 3, axis=2))
    _, facts = read(tmp_path / "b.jpg", Image.new("CMYK", (32, 24)), icc_profile=srgb_profile())
    assert facts.icc == "unusable"


# --- refusals --------------------------------------------------------------------------------------


def refused(path: Path, slug: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        open_picture(path)
    assert caught.value.slug == slug
    assert str(path.parent) not in caught.value.sentence
    assert caught.value.sentence.count("\n") == 0
    return caught.value


def encoded(fmt: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(buffer, fmt)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", b"just some text", encoded("GIF"), encoded("BMP"), b"RIFF\0\0\0\0WAVEfmt "],
    ids=["empty", "text", "gif", "bmp", "wav"],
)
def test_not_a_picture_that_is_read(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.png").write_bytes(data)
    sentence = refused(tmp_path / "a.png", "picture-not-an-image").sentence
    kinds = {b"GIF8": "a GIF file"}
    assert kinds.get(data[:4], "") in sentence


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"CSFCHUNK\0", "Clip Studio"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/x-krita", "Krita"),
    ],
)
def test_a_format_under_a_false_name_is_told(tmp_path: Path, start: bytes, kind: str) -> None:
    (tmp_path / "a.jpg").write_bytes(start + bytes(100))
    assert f"a {kind} file" in refused(tmp_path / "a.jpg", "picture-not-an-image").sentence


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("share", [0.002, 0.1, 0.5, 0.9])
def test_truncated(tmp_path: Path, fmt: str, share: float) -> None:
    data = encoded(fmt)
    (tmp_path / "a").write_bytes(data[: max(12, int(len(data) * share))])
    refused(tmp_path / "a", "picture-truncated")


@pytest.mark.parametrize("side", [9_200, 11_000, 60_000])
def test_too_many_pixels_are_refused_from_the_header(tmp_path: Path, side: int) -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(data)
    refused(tmp_path / "a.png", "picture-too-large")


def test_too_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_FILE_BYTES", 100)
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    refused(tmp_path / "a.png", "picture-too-large")


def test_text_chunk_bomb(tmp_path: Path) -> None:
    bomb = chunk(b"zTXt", b"k\0\0" + zlib.compress(b"\0" * 80_000_000))
    (tmp_path / "a.png").write_bytes(raw_png(pattern(), 2, extra=bomb))
    pixels, _ = open_picture(tmp_path / "a.png")
    assert np.array_equal(pixels, pattern())


@pytest.mark.parametrize("tag", [b"zTXt", b"tEXt", b"iTXt"])
def test_large_texts_before_and_behind_the_pixels_are_skipped(tmp_path: Path, tag: bytes) -> None:
    text = np.random.default_rng(0).integers(97, 122, 2_000_000, np.uint8).tobytes()
    content = {
        b"zTXt": b"workflow\0\0" + zlib.compress(text),
        b"tEXt": b"workflow\0" + text,
        b"iTXt": b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(text),
    }[tag]
    data = raw_png(pattern(), 2, extra=chunk(tag, content))
    read_back, _ = read(tmp_path / "a.png", data[:-12] + chunk(tag, content) + data[-12:])
    assert np.array_equal(read_back, pattern())


def test_a_large_profile_is_read_and_a_bomb_ignored(tmp_path: Path) -> None:
    def tagged(profile: bytes) -> bytes:
        return raw_png(pattern(), 2, extra=chunk(b"iCCP", b"icc\0\0" + zlib.compress(profile)))

    large = swapped_profile() + bytes(2_000_000)
    _, facts = read(tmp_path / "a.png", tagged(len(large).to_bytes(4) + large[4:]))
    assert facts.icc == "converted"
    pixels, facts = read(tmp_path / "b.png", tagged(bytes(80_000_000)))
    assert facts.icc == "unusable"
    assert np.array_equal(pixels, pattern())


SRGB_POINTS = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
P3_POINTS = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)


@pytest.mark.parametrize(
    ("extra", "state", "red"),
    [
        (chunk(b"gAMA", struct.pack(">I", 45455)), "none", [200, 50, 50]),
        (chunk(b"cHRM", struct.pack(">8I", *SRGB_POINTS)), "none", [200, 50, 50]),
        (chunk(b"gAMA", struct.pack(">I", 100_000)), "converted", [229, 122, 122]),
        (chunk(b"sRGB", b"\0") + chunk(b"gAMA", struct.pack(">I", 100_000)), "none", [200, 50, 50]),
        (chunk(b"cICP", bytes((1, 13, 0, 1))), "srgb", [200, 50, 50]),
        (chunk(b"cICP", bytes((12, 13, 0, 1))), "converted", [218, 24, 40]),
        (chunk(b"cHRM", struct.pack(">8I", *P3_POINTS)), "converted", [218, 24, 40]),
        (chunk(b"cICP", bytes((9, 16, 0, 1))), "unusable", [200, 50, 50]),
        (chunk(b"cHRM", bytes(32)), "unusable", [200, 50, 50]),
        (chunk(b"gAMA", bytes(4)), "none", [200, 50, 50]),
    ],
)
def test_colours_told_without_a_profile(tmp_path: Path, extra: bytes, state: str, red: list[int]) -> None:
    flat = np.full((20, 20, 3), [200, 50, 50], np.uint8)
    pixels, facts = read(tmp_path / "a.png", raw_png(flat, 2, extra=extra))
    assert facts.icc == state
    assert np.abs(pixels[0, 0].astype(int) - red).max() <= 1


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 1}])
def test_a_jpeg_that_lacks_only_its_end_mark_is_read(tmp_path: Path, options: dict[str, object]) -> None:
    whole, facts = read(tmp_path / "a.jpg", Image.fromarray(pattern()), quality=90, **options)
    assert not facts.endless
    data = (tmp_path / "a.jpg").read_bytes()
    for cut in (1, 2):
        pixels, facts = read(tmp_path / "b.jpg", data[:-cut])
        assert facts.endless
        assert np.array_equal(pixels, whole)
    for cut in (12, 60, len(data) // 4):
        (tmp_path / "c.jpg").write_bytes(data[:-cut])
        refused(tmp_path / "c.jpg", "picture-truncated")


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP"])
def test_an_orientation_told_in_xmp_alone_is_told_and_not_applied(tmp_path: Path, fmt: str) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    path = tmp_path / "a"
    if fmt == "PNG":
        path.write_bytes(raw_png(pattern(), 2, extra=chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)))
    else:
        Image.fromarray(pattern()).save(path, fmt, xmp=xmp)
    pixels, facts = open_picture(path)
    assert pixels.shape == pattern().shape
    assert (facts.rotated, facts.turned_in_xmp) == (False, True)


def test_what_shows_where_a_picture_is_transparent(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.full((8, 8, 4), (10, 20, 30, 0), np.uint8)).save(path)
    for ground, seen in (("white", [255, 255, 255]), ("black", [0, 0, 0]), ("bare", [10, 20, 30])):
        assert open_picture(path, ground=ground)[0][0, 0].tolist() == seen


def test_symlink_folder_fifo_and_missing(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(encode_png(pattern()))
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    refused(tmp_path / "link.png", "picture-symlink")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere")
    refused(tmp_path / "dangling.png", "picture-symlink")
    (tmp_path / "folder.png").mkdir()
    refused(tmp_path / "folder.png", "picture-not-a-file")
    os.mkfifo(tmp_path / "pipe.png")
    refused(tmp_path / "pipe.png", "picture-not-a-file")
    refused(tmp_path / "missing.png", "picture-unreadable")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode_png(pattern()))
    (tmp_path / "a.png").chmod(0)
    refused(tmp_path / "a.png", "picture-unreadable")


@pytest.mark.parametrize(
    "name", ["a\nb.png", "\u202egnp.exe", "<script>alert(1)<|script>.png", "x" * 240 + ".png", b"\xff.png"]
)
def test_hostile_names_are_shown_in_one_safe_line(tmp_path: Path, name: str | bytes) -> None:
    path = tmp_path / (os.fsdecode(name) if isinstance(name, bytes) else name)
    path.write_bytes(b"text")
    sentence = refused(path, "picture-not-an-image").sentence
    sentence.encode("utf-8")
    assert "\u202e" not in sentence
    assert len(sentence) < 300


@given(st.binary(max_size=200), st.sampled_from(["PNG", "JPEG", "WEBP"]), st.floats(0, 1))
def test_damage_never_escapes_as_anything_but_bad_input(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, fmt: str, at: float
) -> None:
    data = bytearray(encoded(fmt))
    start = int(at * (len(data) - 1))
    data[start : start + len(noise)] = noise
    path = tmp_path_factory.getbasetemp() / f"damaged-{fmt}"
    path.write_bytes(bytes(data))
    try:
        pixels, _ = open_picture(path)
    except BadInput:
        return
    assert pixels.ndim == 3


# --- PNG, digests, comparisons ---------------------------------------------------------------------


def test_png_round_trip_without_metadata() -> None:
    data = encode_png(pattern())
    assert data == encode_png(np.asfortranarray(pattern()))
    assert np.array_equal(decode_png(data), pattern())
    tags, at = [], 8
    while at < len(data):
        tags.append(data[at + 4 : at + 8])
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    assert set(tags) == {b"IHDR", b"IDAT", b"IEND"}


@pytest.mark.parametrize("data", [b"", b"text", encode_png(pattern())[:-40], encoded("JPEG")])
def test_decode_png_refuses_what_it_did_not_write(data: bytes) -> None:
    with pytest.raises(ValueError, match="PNG"):
        decode_png(data)


def test_pixels_digest_depends_on_shape_and_bytes() -> None:
    flat = np.zeros((2, 6, 3), np.uint8)
    changed = flat.copy()
    changed[1, 5, 2] = 1
    digests = {pixels_digest(p) for p in (flat, flat.reshape(6, 2, 3), flat.reshape(3, 4, 3), changed)}
    assert len(digests) == 4
    assert pixels_digest(pattern()[:, ::-1]) == pixels_digest(pattern()[:, ::-1].copy())
    with pytest.raises(ValueError, match="uint8"):
        pixels_digest(pattern().astype(np.float32))  # type: ignore[arg-type]


def test_comparisons_do_not_wrap_around() -> None:
    black, white = np.zeros((300, 4, 3), np.uint8), np.full((300, 4, 3), 255, np.uint8)
    for a, b in ((black, white), (white, black)):
        assert linf(a, b) == 255
        assert rms(a, b) == 255
        assert psnr(a, b) == 0
    assert (linf(black, black), rms(black, black), psnr(black, black)) == (0, 0, None)


def test_comparisons_against_plain_floating_point() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (2, 601, 7, 3), np.uint8)
    b[600, 6, 2], a[600, 6, 2] = 0, 255  # the greatest difference in the last band of rows
    difference = a.astype(np.float64) - b
    assert linf(a, b) == np.abs(difference).max()
    assert rms(a, b) == pytest.approx(np.sqrt((difference**2).mean()), rel=1e-12)
    assert psnr(a, b) == pytest.approx(10 * np.log10(255**2 / (difference**2).mean()), rel=1e-12)
    with pytest.raises(ValueError, match="compared"):
        linf(a, b[:-1])


def test_fingerprint_ignores_size_and_sees_content() -> None:
    large = np.asarray(Image.fromarray(pattern()).resize((600, 400), Image.Resampling.BICUBIC))
    same = np.sqrt(np.mean((fingerprint(pattern()) - fingerprint(large)) ** 2))
    other = np.sqrt(np.mean((fingerprint(pattern()) - fingerprint(pattern()[::-1].copy())) ** 2))
    assert fingerprint(pattern()).shape == (768,)
    assert same < 2
    assert other > 50
