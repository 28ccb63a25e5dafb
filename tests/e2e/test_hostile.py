"""Hostile input through the command line: one sentence, exit code 2, no path of this machine, nothing written."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from audit.cli import app
from tests.e2e.folders import drawing, write_protected, write_spec
from tests.evidence.runs import write_run


def refused(args, slug: str, *secrets: Path) -> str:
    done = CliRunner().invoke(app, [str(a) for a in args])
    assert done.exit_code == 2, (done.output, done.exception)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("cloakcheck: ")
    assert f"[{slug}]" in last
    assert not any(str(secret) in last for secret in secrets)
    return last


def instead(args, *more):
    """The same arguments with other values of some options; a second folder of pictures would be refused."""
    found = list(args)
    for option, value in zip(more[::2], more[1::2], strict=True):
        at = found.index(option) if option in found else len(found)
        found[at : at + 2] = [option, value]
    return found


@pytest.fixture
def audit(tiny_model, tmp_path):
    """Arguments of a run, and the folder of originals to spoil."""
    art = write_protected(tmp_path / "art")
    spec = write_spec(tmp_path / "audit.toml")
    args = ["run", "--originals", art / "originals", "--protected", art / "glazed", "--spec", spec]
    args += ["--model", tiny_model, "--out", tmp_path / "out", "--store", tmp_path / "store"]
    return args, art / "originals", tmp_path


def fifo(folder: Path) -> None:
    os.mkfifo(folder / "piece-99.png")


def a_socket(folder: Path) -> None:
    # A socket's path may be no longer than about 100 characters.
    home = os.getcwd()
    os.chdir(folder)
    try:
        socket.socket(socket.AF_UNIX).bind("piece-99.png")
    finally:
        os.chdir(home)


def device(folder: Path) -> None:
    (folder / "piece-99.png").symlink_to("/dev/zero")


def device_node(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("making a device needs root")
    os.mknod(folder / "piece-99.png", 0o600 | stat.S_IFCHR, os.makedev(1, 5))


def hard_link(folder: Path) -> None:
    (folder.parent / "elsewhere").write_bytes((folder / "piece-1.png").read_bytes())
    os.link(folder.parent / "elsewhere", folder / "piece-99.png")


def hard_linked_caption(folder: Path) -> None:
    (folder.parent / "elsewhere").write_text("a cat")
    os.link(folder.parent / "elsewhere", folder / "piece-1.txt")


def zip_as_png(folder: Path) -> None:
    with zipfile.ZipFile(folder / "piece-99.png", "w") as archive:
        archive.write(folder / "piece-1.png", "../../../piece.png")


def a_folder(folder: Path) -> None:
    (folder / "piece-99.png").mkdir()


def gif_as_png(folder: Path) -> None:
    Image.fromarray(drawing(99)).save(folder / "piece-99.png", "GIF")


def svg_as_png(folder: Path) -> None:
    (folder / "piece-99.png").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>")


def long_comment(folder: Path) -> None:
    (folder / "piece-1.txt").write_text("x" * 100_000)


@pytest.mark.parametrize(
    ("spoil", "slug"),
    [
        (fifo, "picture-not-a-file"),
        (a_socket, "picture-not-a-file"),
        (device, "picture-symlink"),
        (device_node, "picture-not-a-file"),
        (hard_link, "picture-hard-link"),
        (hard_linked_caption, "caption-unreadable"),
        (zip_as_png, "picture-not-an-image"),
        (a_folder, "picture-not-a-file"),
        (gif_as_png, "picture-not-an-image"),
        (svg_as_png, "picture-not-an-image"),
        (long_comment, "caption-unreadable"),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_things_that_are_no_pictures(audit, spoil, slug):
    args, originals, folder = audit
    spoil(originals)
    refused(args, slug, folder)
    assert not (folder / "out").exists()


def test_an_archive_is_never_opened(audit, tmp_path):
    """Wherever a folder or a file of ours is asked for, a zip is something else, but for one of `bundle --zip`."""
    archive = tmp_path / "art.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("../../evil.png", b"x")
        made.writestr("results.json", "{}")
    args, _, folder = audit
    refused(instead(args, "--originals", archive), "folder-not-a-folder", folder)
    refused([*args, "--model", archive], "model-unknown", folder)
    refused([*args, "--spec", archive], "spec-unreadable", folder)
    refused(["verify", archive], "packed-otherwise", folder)
    for command in ("judge", "report", "bundle"):
        refused([command, archive], "results-missing", folder)
    assert {p.name for p in tmp_path.iterdir()} <= {"art", "art.zip", "audit.toml", "prompts.txt", "store"}


LONG = "x" * 4000


@pytest.mark.parametrize(
    ("more", "slug"),
    [
        (("--originals", LONG), "folder-unreadable"),
        (("--protected", f"{LONG}/{LONG}"), "folder-unreadable"),
        (("--model", LONG), "path-unusable"),
        (("--prompts", LONG), "prompts-unreadable"),
        (("--spec", LONG), "spec-unreadable"),
        (("--protect", LONG), "treatment-unknown"),
        (("--against", f"jpeg:{'9' * 4000}"), "treatment-argument"),
        (("--control", LONG), "treatment-unknown"),
        (("--out", LONG), "path-unusable"),
        (("--store", LONG), "path-unusable"),
        (("--device", LONG), "device-missing"),
        (("--preset", LONG), "preset-unknown"),
    ],
    ids=lambda x: x[0] if isinstance(x, tuple) else "",
)
def test_names_of_four_thousand_characters(audit, more, slug):
    args, _, folder = audit
    last = refused(instead(args, *more), slug, folder)
    assert len(last) < 900


def test_an_artist_of_four_thousand_characters_has_a_short_name(audit):
    args, _, folder = audit
    done = CliRunner().invoke(app, ["plan", *[str(a) for a in args[1:]], "--artist", f"{LONG}\u202e<b>"])
    assert done.exit_code == 0, done.stderr
    plan = json.loads((folder / "out" / "plan.json").read_text())
    assert len(plan["artist"]) < 200
    assert "\u202e" not in plan["artist"]


NAMES = ["<script>alert(1)<", "a\nb", "\u202egnp.exe", "$(touch x)", "'; DROP TABLE", "x" * 200, "%41%0a", "-rf"]


def test_hostile_names_are_shown_harmlessly_and_stay_out_of_file_names(audit):
    args, originals, folder = audit
    for number, name in enumerate(NAMES):
        Image.fromarray(drawing(50 + number)).save(originals / f"{name}.png")
        Image.fromarray(drawing(50 + number) ^ 1).save(folder / "art" / "glazed" / f"{name}.png")
    done = CliRunner().invoke(app, ["plan", *[str(a) for a in args[1:]]])
    assert done.exit_code == 0, done.stderr
    plan = (folder / "out" / "plan.json").read_text(encoding="utf-8")
    assert not set(plan) & {"\u202e", "\x00"}
    assert all(p.name.isascii() for p in (folder / "out").rglob("*"))
    assert str(folder) not in plan


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("a = " + "[" * 100_000, "spec-unreadable"),
        ("a." * 50_000 + "b = 1", "spec-unreadable"),
        ("#" * (2 << 20), "spec-unreadable"),
        ('out = "/etc/cloakcheck"', "spec-path"),
        ('out = "../../elsewhere"', "spec-path"),
        ('store = "C:\\\\Windows"', "spec-path"),
        ('out = "\\\\\\\\host\\\\share"', "spec-path"),
        ("seed = 99999999999999999999999999999999999999", None),
        ("seed = -1", "spec-invalid"),
        ('protected = "a\\u0000b"', "spec-path"),
        (f'model = "{"m" * 4000}"', None),
        ("artist = [" + "[], " * 300_000 + "]", "spec-unreadable"),
        ("\n".join(f"k{i} = {i}" for i in range(100_000)), "spec-unreadable"),
        ('artist = "\\u202e"\nseed = "one"', "spec-invalid"),
    ],
    ids=range(14),
)
def test_hostile_specs(text, slug, tmp_path):
    spec = tmp_path / "audit.toml"
    spec.write_text(text + '\noriginals = "nowhere"\nprotect = ["encoder-pgd"]\n')
    refused(["run", "--spec", spec, "--store", tmp_path / "s"], slug or "folder-missing", tmp_path)


def test_no_path_in_what_is_said_of_a_missing_file(audit):
    args, _, folder = audit
    refused([*args, "--spec", folder / "missing.toml"], "spec-unreadable", folder)
    refused([*args, "--prompts", folder / "missing.txt"], "prompts-unreadable", folder)
    refused([*args, "--model", folder / "missing"], "model-unknown", folder)
    refused(instead(args, "--originals", folder / "missing"), "folder-missing", folder)
    for command in ("judge", "report", "bundle"):
        refused([command, folder / "missing"], "results-missing", folder)
    refused(["verify", folder / "missing"], "not-a-bundle", folder)
    refused(["reproduce", folder / "missing"], "not-a-bundle", folder)
    refused(["stamp", folder / "missing"], "nothing-to-stamp", folder)


def test_specs_and_prompts_that_never_end(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused(["run", "--spec", "/dev/zero"], "spec-unreadable")
    refused(["run", "--spec", tmp_path / "pipe"], "spec-unreadable", tmp_path)


@pytest.mark.parametrize("name", ["model.ckpt", "model.pt", "pytorch_model.bin"])
def test_a_checkpoint_that_could_run_code_is_refused_with_the_way_to_convert(name, audit, tmp_path):
    (tmp_path / name).write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    args, _, folder = audit
    last = refused([*args, "--model", tmp_path / name], "model-unsafe", folder)
    assert "safe_serialization=True" in last


def lying_safetensors(model: Path) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}).encode()
    path = next((model / "unet").glob("*.safetensors"))
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))


def header_without_end(model: Path) -> None:
    next((model / "vae").glob("*.safetensors")).write_bytes(struct.pack("<Q", 1 << 62) + b"{}")


def header_of_many(model: Path) -> None:
    """A header that is honest about its length, and names a million tensors of nothing."""
    header = json.dumps({f"w{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(20_000)})
    path = next((model / "unet").glob("*.safetensors"))
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode())


def overlapping(model: Path) -> None:
    header = json.dumps({n: {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} for n in ("a", "b")}).encode()
    path = next((model / "text_encoder").glob("*.safetensors"))
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))


def endless_config(model: Path) -> None:
    (model / "unet" / "config.json").unlink()
    (model / "unet" / "config.json").symlink_to("/dev/zero")


def piped_config(model: Path) -> None:
    (model / "vae" / "config.json").unlink()
    os.mkfifo(model / "vae" / "config.json")


def piped_weights(model: Path) -> None:
    weights = next((model / "vae").glob("*.safetensors"))
    weights.unlink()
    os.mkfifo(weights)


def repeated_config(model: Path) -> None:
    (model / "unet" / "config.json").write_text('{"a": ' + "[" * 500 + "1," * 9_000_000 + "1" + "]" * 500 + "}")


def code_beside(model: Path) -> None:
    (model / "unet" / "evil.py").write_text("raise SystemExit('code of the model was run')")


def mapped_code(model: Path) -> None:
    config = json.loads((model / "text_encoder" / "config.json").read_text())
    mapped = {"auto_map": {"AutoModel": "somebody/evil--evil.Evil"}}
    (model / "text_encoder" / "config.json").write_text(json.dumps(config | mapped))


def mapped_tokenizer(model: Path) -> None:
    path = model / "tokenizer" / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"auto_map": {"AutoTokenizer": ["evil.Evil", None]}}))


def deep_config(model: Path) -> None:
    (model / "unet" / "config.json").write_text("[" * 200_000)


def remote_code(model: Path) -> None:
    config = json.loads((model / "unet" / "config.json").read_text())
    config |= {"_class_name": "Evil"}
    (model / "unet" / "config.json").write_text(json.dumps(config))
    index = json.loads((model / "model_index.json").read_text())
    (model / "model_index.json").write_text(json.dumps(index | {"unet": ["evil", "Evil"]}))


@pytest.mark.parametrize(
    ("spoil", "slug"),
    [
        (lying_safetensors, "model-incomplete"),
        (header_without_end, "model-incomplete"),
        (header_of_many, "model-incomplete"),
        (overlapping, "model-incomplete"),
        (deep_config, "model-incomplete"),
        (endless_config, "model-incomplete"),
        (piped_config, "model-incomplete"),
        (piped_weights, "model-incomplete"),
        (repeated_config, "model-incomplete"),
        (remote_code, "model-family"),
        (code_beside, "model-code"),
        (mapped_code, "model-code"),
        (mapped_tokenizer, "model-code"),
    ],
)
def test_hostile_model_folders(spoil, slug, audit, tiny_model, tmp_path):
    model = shutil.copytree(tiny_model, tmp_path / "model")
    spoil(model)
    args, _, folder = audit
    refused([*args, "--model", model], slug, folder)
    assert not (folder / "out").exists()


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run") / "run")


def edited(text: str, how: str) -> str:
    results = json.loads(text)
    match how:
        case "verdict":
            results["verdict"]["label"] = "held"
        case "path":
            results["cells"][0]["generations"]["files"][0] = "../../../../etc/passwd"
        case "infinite":
            return text.replace('"seconds": 300.0', '"seconds": 1e999')
        case "deep":
            return "[" * 500_000
        case "unknown":
            results["run_me"] = "os.system"
        case "type":
            results["cells"] = "all"
    return json.dumps(results)


@pytest.mark.parametrize("how", ["verdict", "path", "deep", "unknown", "type"])
def test_results_edited_by_hand_make_no_bundle(how, run_folder, tmp_path):
    run = shutil.copytree(run_folder, tmp_path / "run")
    path = run / "results.json"
    path.write_text(edited(path.read_text(), how))
    slug = "results-edited" if how in ("verdict", "path") else "results-invalid"
    refused(["bundle", run, "--key", tmp_path / "k", "--store", tmp_path / "s"], slug, tmp_path)
    assert not (tmp_path / "run-bundle").exists()


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("plan.json", "plan-edited"),
        ("events.jsonl", "events-broken"),
        ("environment.json", "environment-invalid"),
        ("images/generated-clean-r1-p00-n0.png", "picture-edited"),
    ],
)
def test_a_run_whose_parts_do_not_fit_makes_no_bundle(name, slug, run_folder, tmp_path):
    run = shutil.copytree(run_folder, tmp_path / "run")
    data = bytearray((run / name).read_bytes())
    data[len(data) // 3] ^= 1
    (run / name).write_bytes(bytes(data))
    if name == "environment.json":
        (run / name).write_text("{}")
    refused(["bundle", run, "--key", tmp_path / "k", "--store", tmp_path / "s"], slug, tmp_path)


@pytest.mark.parametrize(
    ("place", "value", "slug"),
    [
        (("plan", "margins", "held"), 1e308, "results-invalid"),
        (("metrics", 0, "real", 0), 1e308, "results-invalid"),
        (("visibility", 0, "linf"), 1e308, "results-invalid"),
        (("plan", "conditions", 0, "name"), "cleaned", None),
    ],
)
def test_figures_that_nobody_can_reckon_with(place, value, slug, run_folder, tmp_path):
    results = json.loads((run_folder / "results.json").read_text())
    at = results
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    (tmp_path / "results.json").write_text(json.dumps(results))
    done = CliRunner().invoke(app, ["judge", str(tmp_path)])
    assert done.exit_code in ((2,) if slug else (0, 2, 3)), done.exception
    assert slug is None or f"[{slug}]" in done.stderr


def test_an_error_while_judging_is_one_sentence(run_folder, tmp_path, monkeypatch):
    import audit.stages.finish

    def breaks(*args: object, **options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(audit.stages.finish, "judge", breaks)
    run = shutil.copytree(run_folder, tmp_path / "run")
    refused(["judge", run], "results-inconsistent", tmp_path)


def test_a_results_file_that_never_ends(tmp_path):
    (tmp_path / "results.json").symlink_to("/dev/zero")
    refused(["judge", tmp_path], "results-missing", tmp_path)
