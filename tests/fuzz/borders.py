"""The smaller borders: tables, tokens, weights, descriptions in pictures, logs, cards, keys, steps of a store."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from PIL import Image, PngImagePlugin
from pydantic import TypeAdapter
from safetensors.torch import save

from audit.base.errors import BadEvidence
from audit.collect.captions import embedded_description, read_captions
from audit.collect.sheet import read_sheet
from audit.commands.calibrate import read_card
from audit.commands.rate import _read as read_ratings
from audit.evidence.privacy import metadata_kinds
from audit.evidence.signing import open_key
from audit.evidence.timestamps import check_token, request_bytes
from audit.models.cards import LAB
from audit.models.headers import read_header
from audit.models.kinds import kind_name
from audit.records import Digest
from audit.runfolder.event_log import EVENTS, BrokenLog, facts_of, log_event, read_events
from audit.store import Store
from audit.store.versions import VERSIONS
from audit.training.adapters import norm_of
from tests.evidence.authority import make_authority
from tests.fuzz.spoil import spoil_bytes, spoil_json, word

Rng: TypeAlias = np.random.Generator
STAMPED = b"what was stamped"
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
    ' tiff:Orientation="6"><dc:description><rdf:Alt><rdf:li xml:lang="x-default">a red house</rdf:li></rdf:Alt>'
    "</dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"
)
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9)
)
_MADE: dict[str, bytes] = {}


def _made(name: str, make: Callable[[], bytes]) -> bytes:
    """Something sound that takes long to make, made once."""
    if name not in _MADE:
        _MADE[name] = make()
    return _MADE[name]


def _hostile(rng: Rng, at: Path) -> bool:
    """In some cases what lies there is no file at all: a pipe, a device, a folder, a link to nowhere."""
    if rng.random() > 0.1:
        return False
    at.parent.mkdir(parents=True, exist_ok=True)
    match int(rng.integers(0, 4)):
        case 0:
            os.mkfifo(at)
        case 1:
            at.symlink_to("/dev/zero")
        case 2:
            at.mkdir()
        case _:
            at.symlink_to("nowhere")
    return True


def table(rng: Rng, at: Path, material: object) -> None:
    """Spoiled tables of captions and of what a service was asked."""
    path = at / "table.csv"
    rows = [["file", "caption", "prompt"], *([f"{i}.png", word(rng), word(rng)] for i in range(5))]
    text = "\n".join(",".join(f'"{cell}"' if rng.random() < 0.5 else cell for cell in row) for row in rows)
    if not _hostile(rng, path):
        path.write_bytes(spoil_bytes(rng, text.encode(str(rng.choice(["utf-8", "utf-16", "latin-1"])), "replace")))
    (read_captions if rng.random() < 0.5 else read_sheet)(path)


def token(rng: Rng, at: Path, material: object) -> None:
    """A spoiled reply or chain of a time-stamp authority: never taken for a good one of other bytes."""

    def chain() -> bytes:
        authority = make_authority(at / "tsa")
        _MADE["reply"] = authority.reply(request_bytes(STAMPED))
        return authority.chain.read_bytes()

    sound = _made("chain", chain)
    reply = _MADE["reply"]
    if rng.random() < 0.7:
        check_token(STAMPED + b"?" * int(rng.integers(0, 2)), reply=spoil_bytes(rng, reply), chain=sound)
    else:
        check_token(STAMPED, reply=reply, chain=spoil_bytes(rng, sound))


def weights(rng: Rng, at: Path, material: object) -> None:
    """A spoiled safetensors file through what reads headers, and what opens an add-on."""
    names = ("unet.a.lora_A.weight", "unet.a.lora_B.weight", "model.diffusion_model.input_blocks.0.0.weight")
    sound = _made("weights", lambda: save({name: torch.ones(4, 4) for name in names}))
    path = at / "weights.safetensors"
    if rng.random() < 0.3:
        length = int.from_bytes(sound[:8], "little")
        header = json.dumps(spoil_json(rng, json.loads(sound[8 : 8 + length]))).encode("utf-8", "replace")
        data = len(header).to_bytes(8, "little") + header + sound[8 + length :]
    else:
        data = spoil_bytes(rng, sound)
    if not _hostile(rng, path):
        path.write_bytes(data)
    try:
        kind_name(read_header(path))
    finally:
        if path.is_file():
            try:
                norm_of(path)
            except (ValueError, OSError):
                # What the stage that opens it makes a sentence of.
                pass


def description(rng: Rng, at: Path, material: object) -> None:
    """Spoiled XMP in a picture: entities, depth, wrong encodings."""
    text = XMP
    match int(rng.integers(0, 4)):
        case 0:
            text = BOMB + "]>" + XMP.replace("a red house", "&j;")
        case 1:
            text = "<a>" * 30_000
        case 2:
            text = XMP.replace("a red house", word(rng))
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", spoil_bytes(rng, text.encode("utf-8", "replace")).decode("latin-1"))
    path = at / "a.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path, pnginfo=info)
    embedded_description(path)
    metadata_kinds(path.read_bytes())


def log(rng: Rng, at: Path, material: object) -> None:
    """A spoiled log: read, and written on."""
    if not _hostile(rng, at / EVENTS):
        for number in range(3):
            log_event(at, "plan-fixed", {"number": number})
        (at / EVENTS).write_bytes(spoil_bytes(rng, (at / EVENTS).read_bytes()))
    before = list(facts_of(at))
    log_event(at, "more", {})
    assert len(list(facts_of(at))) in (len(before), len(before) + 1)
    try:
        read_events((at / EVENTS).read_bytes())
    except BrokenLog as error:
        raise BadEvidence("events-broken", why=error.said) from error


def records(rng: Rng, at: Path, material: object) -> None:
    """A spoiled calibration card, and a rater's file."""
    sound = _made("card", lambda: next(iter(sorted((LAB / "calibrations").glob("*.json")))).read_bytes())
    path = at / "record.json"
    if not _hostile(rng, path):
        whole = rng.random() < 0.5
        path.write_bytes(
            spoil_bytes(rng, sound)
            if whole
            else json.dumps(spoil_json(rng, json.loads(sound))).encode("utf-8", "replace")
        )
    (read_card if rng.random() < 0.6 else read_ratings)(path)


def key(rng: Rng, at: Path, material: object) -> None:
    """A spoiled signing key."""

    def make() -> bytes:
        return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    path = at / "key.pem"
    if not _hostile(rng, path):
        path.write_bytes(spoil_bytes(rng, _made("key", make)))
        path.chmod(0o600)
    open_key(path)


def store(rng: Rng, at: Path, material: object) -> None:
    """A store with a spoiled step or picture: what comes out of it is right, whatever went in."""
    root, of = at / "store", TypeAdapter(tuple[Digest, ...])
    VERSIONS.setdefault("treated", 1)
    pixels = np.full((4, 4, 3), int(rng.integers(0, 255)), np.uint8)

    def ask(place: Store) -> tuple[str, ...]:
        return place.json_step(
            "treated", "fuzz", [], lambda: [place.put_pixels(pixels)], of=of, fits=lambda found: len(found) == 1
        )

    expected = ask(Store(root))
    files = sorted(p for room in ("steps", "blobs") for p in (root / room).rglob("*") if p.is_file())
    victim = files[int(rng.integers(0, len(files)))]
    data = victim.read_bytes()
    victim.unlink()
    if not _hostile(rng, victim):
        victim.write_bytes(spoil_bytes(rng, data))
    again = Store(root)
    found = ask(again)
    assert len(found) == 1
    # A digest that was changed with its manifest names a picture that is not there; that is said when it is read.
    assert np.array_equal(again.get_pixels(found[0]), pixels) or found != expected


Target: TypeAlias = Callable[[Rng, Path, object], None]
TARGETS: dict[str, tuple[Target, float]] = {
    "table": (table, 0.05),
    "token": (token, 0.04),
    "weights": (weights, 0.05),
    "description": (description, 0.03),
    "log": (log, 0.04),
    "records": (records, 0.03),
    "key": (key, 0.02),
    "store": (store, 0.04),
}
"""Name -> target and its share of the cases."""
