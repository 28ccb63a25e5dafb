"""The code that made a run as a wheel that `pip install` takes; times are fixed, so equal code gives equal bytes.

It holds the package's source and templates, not the lab model: weights are named by digest in models.json.
Layout: the binary distribution format of Python packages (PEP 427).
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile
from importlib.metadata import PackageNotFoundError, distribution

from audit import __version__
from audit.runfolder.provenance import code_files

NAME = f"cloakcheck-{__version__}-py3-none-any.whl"
INFO = f"cloakcheck-{__version__}.dist-info"
WHEEL = "Wheel-Version: 1.0\nGenerator: cloakcheck\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def wheel() -> bytes:
    """The wheel's bytes."""
    files = {f"audit/{name}": path.read_bytes() for name, path in code_files().items()}
    files |= {f"{INFO}/{name}": text.encode("utf-8") for name, text in _described().items()}
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode("ascii")
        rows.writerow([name, f"sha256={digest}", len(data)])
    rows.writerow([f"{INFO}/RECORD", "", ""])
    files[f"{INFO}/RECORD"] = record.getvalue().encode("utf-8")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


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
