"""The code that made a run as a wheel that `pip install` takes; times are fixed, so equal code gives equal bytes.

It holds the package's source and templates, not the lab model: weights are named by digest in models.json.
Layout: the binary distribution format of Python packages (PEP 427).
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from audit import __version__
from audit.base.messages import Said, say
from audit.records import Digest
from audit.runfolder.provenance import code_digests, code_files

NAME = f"cloakcheck-{__version__}-py3-none-any.whl"
INFO = f"cloakcheck-{__version__}.dist-info"
NAMED = re.compile(r"code/cloakcheck-[0-9A-Za-z.]+-py3-none-any\.whl")
"""Where it lies in a bundle."""
MOST_BYTES = 64 << 20
"""Of all files in it; today's have about 3 MB."""
WHEEL = "Wheel-Version: 1.0\nGenerator: cloakcheck\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def wheel() -> bytes:
    """The wheel's bytes."""
    files = {f"audit/{name}": path.read_bytes() for name, path in code_files().items()}
    files |= {f"{INFO}/{name}": text.encode("utf-8") for name, text in _described().items()}
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    for name, data in files.items():
        rows.writerow([name, f"sha256={_digest(data)}", len(data)])
    rows.writerow([f"{INFO}/RECORD", "", ""])
    files[f"{INFO}/RECORD"] = record.getvalue().encode("utf-8")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def is_this_code(code: Mapping[str, Digest]) -> bool:
    """Whether files of these digests are the code at hand."""
    return dict(code) == code_digests()


def differs(path: Path, code: Mapping[str, Digest]) -> Said | None:
    """In what a wheel is not the one of some code; None where it is. Nothing of it is run or unpacked.

    Args:
        code: path inside the package -> digest, as the run recorded it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len({e.filename for e in entries}) != len(entries) or sum(e.file_size for e in entries) > MOST_BYTES:
                return say("derived.code-unreadable")
            files = {e.filename: _read(archive, e) for e in entries}
    except (OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        return say("derived.code-unreadable")
    info = {name.partition("/")[0] for name in files if name.partition("/")[0].endswith(".dist-info")}
    if len(info) != 1:
        return say("derived.code-unreadable")
    (folder,) = info
    wanted = {f"audit/{name}" for name in code}
    about = {f"{folder}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
    missing, extra = wanted - set(files), set(files) - wanted - about
    missing |= {f"{folder}/RECORD"} - set(files)
    if missing or extra:
        return say("derived.code-list", file=min(missing or extra))
    for name, digest in code.items():
        if hashlib.sha256(files[f"audit/{name}"]).hexdigest() != digest:
            return say("derived.code-file", file=name)
    listed = {row[0]: row[1] for row in csv.reader(io.StringIO(files[f"{folder}/RECORD"].decode("utf-8"))) if row}
    if set(listed) != set(files):
        return say("derived.code-list", file=min(set(listed) ^ set(files)))
    wrong = [n for n in files if n != f"{folder}/RECORD" and listed[n] != f"sha256={_digest(files[n])}"]
    return say("derived.code-file", file=min(wrong)) if wrong else None


def described_otherwise(path: Path) -> bool:
    """Whether a wheel of this very code asks for other packages, or brings other commands, than the code at hand."""
    with zipfile.ZipFile(path) as archive:
        return any(archive.read(f"{INFO}/{name}") != text.encode("utf-8") for name, text in _described().items())


def _digest(data: bytes) -> str:
    """As a RECORD file writes it."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode("ascii")


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as file:
        data = file.read(entry.file_size + 1)
    if len(data) != entry.file_size:
        raise ValueError("not as long as stated")
    return data


def _described() -> dict[str, str]:
    """The files that say what the package is and what it needs, as it is installed here."""
    try:
        here = distribution("cloakcheck")
    except PackageNotFoundError:
        metadata, commands = None, None
    else:
        metadata, commands = here.read_text("METADATA"), here.read_text("entry_points.txt")
    plain = f"Metadata-Version: 2.1\nName: cloakcheck\nVersion: {__version__}\n"
    return {"METADATA": metadata or plain, "WHEEL": WHEEL} | ({"entry_points.txt": commands} if commands else {})
