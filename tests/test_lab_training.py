"""How the lab is trained: stages, optimisers, batches that processes share, resuming, a tokenizer without chance."""

import base64
import hashlib
import io
import json
import re
import tarfile

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from PIL import Image
from safetensors.torch import save_file

from audit.models.cards import LAB_ARTISTS, LAB_MODEL, LAB_PROMPTS
from audit.style import METRICS
from scripts.lab import train_unet
from scripts.lab.common import Ema, Log, cosine_lr
from scripts.lab.export import DRAWN_UNNAMED, check_complete
from scripts.lab.fetch import fetch, load_sets
from scripts.lab.sheet import labelled
from scripts.lab.tokenizer import build_tokenizer
from scripts.lab.train_unet import BATCH, STAGES, Lesson, Moving, Stage, Student, learn, shortened

SUBJECTS = ("apple", "banana", "bat", "cab", "nab", "tab", "red cat", "tan cat")
TINY = (
    Stage(end=8, cosine_from=0, batches=1, optimiser="adamw", peak=1e-3, warmup=1),
    Stage(end=16, cosine_from=0, batches=1, optimiser="adamw", peak=1e-3, warmup=1),
    Stage(end=32, cosine_from=16, batches=2, optimiser="muon", peak=5e-4, warmup=1),
)


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A lab's work folder with 32 random pictures in the layout of `render`, and batches of 4."""
    monkeypatch.setattr(train_unet, "BATCH", 4)
    names = sorted(name for name, pin in load_sets().items() if pin["role"] == "train")[:4]
    records = [{"set": name, "subject": subject} for name in names for subject in SUBJECTS]
    (tmp_path / "render").mkdir()
    pictures = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (len(records), 3, 64, 64), dtype=np.uint8))
    save_file({"pictures": pictures}, tmp_path / "render" / "train.safetensors")
    (tmp_path / "render" / "train.json").write_text(json.dumps(records), encoding="utf-8")
    AutoencoderKL.from_pretrained(LAB_MODEL / "vae").float().save_pretrained(tmp_path / "vae" / "export")
    (tmp_path / "unet").mkdir()
    return tmp_path


def weights(work):
    state = torch.load(work / "unet" / "state.pt", weights_only=True)
    return state["step"], torch.cat([w.flatten() for w in state["ema"]["weights"].values()])


def test_the_first_stages_are_one_schedule_with_a_warm_restart():
    first, second, third = STAGES
    for number in (0, 499, 2500, 4999):
        assert first.rate(number) == cosine_lr(number, 5000, 1e-3, 500)
    assert second.rate(5000) == cosine_lr(5000, 10000, 1e-3, 500)
    assert 0.4e-3 < second.rate(5000) < 0.6e-3
    assert third.rate(10_000) == pytest.approx(third.peak / third.warmup)
    assert third.rate(10_000 + third.warmup * third.batches) == pytest.approx(third.peak)
    assert third.rate(third.end // 64 - third.batches) == pytest.approx(third.peak / 100, rel=0.01)


def test_a_rehearsal_has_all_stages_in_whole_updates():
    assert shortened(1) == STAGES
    short = shortened(0.02)
    for stage, whole in zip(short, STAGES, strict=True):
        assert stage.end % (BATCH * stage.batches) == 0
        assert 0 < stage.end <= 0.021 * whole.end
    assert [s.end for s in short] == sorted({s.end for s in short})
    assert short[2].cosine_from == short[1].end


def test_a_log_says_what_a_stretch_took(tmp_path):
    log = Log(tmp_path / "log.txt")
    log.stretch("nothing", 0)
    log.stretch("autoencoder", 320)
    found = (tmp_path / "log.txt").read_text(encoding="utf-8").splitlines()
    assert len(found) == 1
    assert re.fullmatch(r"autoencoder: 320 samples in \d+ s, [\d.]+/s", found[0])


def test_muon_turns_convolutions_and_every_weight_moves_once(work):
    """The change of a hidden weight has all singular values alike; against SVD."""
    student = Student(Lesson(work).tokenizer)
    moving = Moving(student, STAGES[-1])
    owned = [p for optimiser in moving.parts.values() for group in optimiser.param_groups for p in group["params"]]
    assert sum(p.numel() for p in owned) == sum(p.numel() for p in student.params)
    before = {name: p.detach().clone() for name, p in student.named}
    generator = torch.Generator().manual_seed(0)
    for p in student.params:
        p.grad = torch.randn(p.shape, generator=generator)
    moving.step(1e-3, ranks=1)
    assert all(not torch.equal(p, before[name]) for name, p in student.named)
    assert all(p.grad is None for p in student.params)
    name = "mid_block.resnets.0.conv1.weight"
    weight = dict(student.named)[name].detach()
    change = (weight - before[name] * (1 - 1e-3 * 0.01)).flatten(1)
    values = torch.linalg.svdvals(change.double()) / (1e-3 * 0.2 * max(change.shape) ** 0.5)
    assert 0.5 < values.min() < values.max() < 1.5


def test_the_parts_of_all_processes_are_the_batches(work):
    lesson = Lesson(work)
    whole = lesson.part(3, 2, 0, 1)
    parts = [lesson.part(3, 2, rank, 2) for rank in range(2)]
    for all_rows, *some in zip(whole, *parts, strict=True):
        assert len(all_rows) == 8
        torch.testing.assert_close(torch.stack(some, dim=1).flatten(0, 1), all_rows, rtol=0, atol=0)
    torch.testing.assert_close(torch.cat([lesson.batch(3)[0], lesson.batch(4)[0]]), whole[0], rtol=0, atol=0)


def test_training_stopped_between_stages_ends_at_the_same_weights(work, tmp_path_factory):
    lesson = Lesson(work)
    learn(0, lesson, work / "unet", TINY, 1, 0)
    step, whole = weights(work)
    assert step == 8
    other = tmp_path_factory.mktemp("stopped")
    (other / "unet").mkdir()
    for count in (1, 2, 3):
        learn(0, lesson, other / "unet", TINY[:count], 1, 0)
    step, stopped = weights(other)
    assert step == 8
    torch.testing.assert_close(stopped, whole, rtol=0, atol=1e-6)


def test_muon_stopped_within_its_stage_ends_at_the_same_weights(work, tmp_path_factory, monkeypatch):
    """Killed after the first of two updates, with its momentum on disk and an AdamW beside it."""
    lesson = Lesson(work)
    learn(0, lesson, work / "unet", TINY, 1, 0)
    other = tmp_path_factory.mktemp("killed")
    (other / "unet").mkdir()
    step, calls = Moving.step, []

    def killed(moving, rate, ranks):
        calls.append(rate)
        if len(calls) == 6:
            raise KeyboardInterrupt
        step(moving, rate, ranks)

    monkeypatch.setattr(train_unet, "SAVE_EVERY", 1)
    monkeypatch.setattr(Moving, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        learn(0, lesson, other / "unet", TINY, 1, 0)
    assert weights(other)[0] == 6
    monkeypatch.setattr(Moving, "step", step)
    learn(0, lesson, other / "unet", TINY, 1, 0)
    torch.testing.assert_close(weights(other)[1], weights(work)[1], rtol=0, atol=1e-6)


def test_training_is_not_continued_on_other_pictures(work):
    learn(0, Lesson(work), work / "unet", TINY[:1], 1, 0)
    pictures = torch.zeros(32, 3, 64, 64, dtype=torch.uint8)
    save_file({"pictures": pictures}, work / "render" / "train.safetensors")
    lesson = Lesson(work)
    with pytest.raises(SystemExit, match=r"state\.pt was trained on other pictures"):
        learn(0, lesson, work / "unet", TINY[:2], 1, 0)


def test_a_tokenizer_of_other_captions_is_refused(tmp_path):
    records = [{"set": "s", "subject": "apple"}]
    first = build_tokenizer(records, {"s": "style"}, tmp_path)
    assert build_tokenizer(records, {"s": "style"}, tmp_path).get_vocab() == first.get_vocab()
    with pytest.raises(SystemExit, match="trained on other captions"):
        build_tokenizer([{"set": "s", "subject": "pear"}], {"s": "style"}, tmp_path)


def packed(folder, content):
    """An archive as npm packs it, with its integrity string."""
    folder.mkdir(parents=True)
    path = folder / "iconify-json-drawn-1.0.0.tgz"
    with tarfile.open(path, "w:gz") as bundle:
        for name in ("info.json", "icons.json"):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            bundle.addfile(entry, io.BytesIO(content))
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode("ascii")


def test_fetched_sets_are_held_against_their_pin_every_time(tmp_path):
    pin = {"version": "1.0.0", "integrity": packed(tmp_path / "npm" / "drawn", b"{}")}
    folder = fetch("drawn", pin, tmp_path)
    (folder / "icons.json").write_text("torn")
    assert (fetch("drawn", pin, tmp_path) / "icons.json").read_bytes() == b"{}"
    with pytest.raises(SystemExit, match=r"sets\.json pins other; delete it"):
        fetch("drawn", pin | {"integrity": "sha512-other"}, tmp_path)


def test_an_export_of_half_a_lab_touches_nothing(work, monkeypatch):
    with pytest.raises(SystemExit, match=r"lacks unet/state\.pt, vae/polished/.*style/openclip\.safetensors"):
        check_complete(work)
    parts = ["vae/polished/diffusion_pytorch_model", "clip/export/open_clip_model"]
    for name in [*parts, *(f"style/{metric}" for metric in METRICS)]:
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / f"{name}.safetensors").touch()
    (work / "clip/export/open_clip_config.json").touch()
    learn(0, Lesson(work), work / "unet", TINY[:1], 1, 0)
    with pytest.raises(SystemExit, match="The U-Net has seen"):
        check_complete(work)


def test_rows_and_columns_of_a_sheet_are_named():
    side, rows = 64, [[Image.new("RGB", (64, 64), "red")] * 3] * 2
    plain, named = labelled(rows, ["", ""]), labelled(rows, ["a works", "b"], ["one", "two", "three"])
    assert plain.size == (3 * side + 12, 2 * side + 0)
    left, above = named.width - 3 * side, named.height - 2 * side
    pixels = np.asarray(named)
    assert (pixels[above:, left:] == (255, 0, 0)).all()
    for y in range(2):
        assert (pixels[above + y * side : above + (y + 1) * side, :left] < 128).any()
    for x in range(3):
        assert (pixels[:above, left + x * side : left + (x + 1) * side] < 128).any()


def test_the_average_of_two_batches_in_one_update_decays_as_often():
    module = torch.nn.Linear(1, 1, bias=False)
    one, two = (Ema(module, decay=0.9) for _ in range(2))
    one.steps = two.steps = 1000
    torch.nn.init.constant_(module.weight, 5.0)
    one.update(module)
    one.update(module)
    two.update(module, batches=2)
    torch.testing.assert_close(one.weights, two.weights)


def test_the_tokenizer_is_the_same_every_time(tmp_path):
    """Words of equal counts tie at every merge; the trainer's own numbering of letters changes from run to run."""
    letters = "abcdefgh"
    words = [a + b + c for a in letters for b in letters for c in letters][:200]
    records = [{"set": "s", "subject": word} for word in words for _ in range(2)]
    merges = set()
    for k in range(4):
        build_tokenizer(records, {"s": "style"}, tmp_path / str(k))
        merges.add((tmp_path / str(k) / "merges.txt").read_text(encoding="utf-8"))
    assert len(merges) == 1


def test_no_demo_work_shows_a_prompt():
    """By its caption, and by the list of what its pictures show besides."""
    prompts = [line for line in LAB_PROMPTS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    shown = {w for path in LAB_ARTISTS.glob("*/*.txt") for w in path.read_text(encoding="utf-8").split()}
    assert len(shown) > 100
    assert len(set(prompts)) == len(prompts) >= 40
    assert not [prompt for prompt in prompts if shown & set(prompt.split())]
    assert not DRAWN_UNNAMED & set(prompts)
