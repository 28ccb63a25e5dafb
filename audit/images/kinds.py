"""Formats that are not read, known by first bytes or ending, so that a person can be told which one it is."""

from __future__ import annotations

_STARTS = (
    (b"GIF8", "GIF"),
    (b"8BPS", "Photoshop"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"BM", "BMP"),
    (b"CSFCHUNK", "Clip Studio"),
    (b"gimp xcf", "GIMP"),
    (b"%PDF", "PDF"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
)
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF"}
_BRANDS |= dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"), "HEIC")
PICTURE_ENDINGS = frozenset(
    """.heic .heif .avif .psd .psb .tif .tiff .kra .clip .gif .bmp .xcf .ora .sai .sai2 .procreate .afphoto .afdesign
    .ai .svg .pdf .jxl .jp2 .tga .dds .exr .hdr .mdp .lip .dng .cr2 .cr3 .nef .arw .raf .orf .rw2 .apng""".split()
)
ARCHIVE_ENDINGS = frozenset(".zip .rar .7z .tar .gz .tgz .cbz .xz .bz2".split())


def kind_of(data: bytes) -> str | None:
    """What a file is by its first bytes: a format's name, None where it is none of these."""
    if data[4:8] == b"ftyp":
        # AVIF and HEIC may bear a general brand first and the telling one among the compatible.
        brands = [data[8:12], *(data[i : i + 4] for i in range(16, min(int.from_bytes(data[:4]), 64), 4))]
        found = {_BRANDS[b] for b in brands if b in _BRANDS}
        return "AVIF" if "AVIF" in found else next(iter(found), None)
    if data.startswith(b"PK\x03\x04"):
        return (
            "Krita" if b"application/x-krita" in data[:100] else "OpenRaster" if b"openraster" in data[:100] else "zip"
        )
    return next((name for start, name in _STARTS if data.startswith(start)), None)
