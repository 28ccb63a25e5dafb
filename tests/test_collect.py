"""Folders in, ArtistSet out: captions, pairing under every tool's renaming, one sentence per bad input."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from audit.collect import collect, reference_works
from audit.collect.names import NEUTRAL_CAPTION, caption_for, original_names
from audit.errors import BadInput
from audit.images import Pixels, pixels_digest
from audit.records import ArtistSet, Note

WORDS = "fox castle rocket tree boat queen lamp river owl bridge apple harp".split()


def work(seed: int, *, height: int = 48, width: int = 64) -> Pixels:
    """A picture of large coloured patches, unlike that of any other seed."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC))


def cloak(pixels: Pixels, *, seed: int = 99, budget: int = 16) -> Pixels:
    noise = np.random.default_rng(seed).integers(-budget, budget + 1, pixels.shape)
    return np.clip(pixels.astype(int) + noise, 0, 255).astype(np.uint8)


def put(path: Path, pixels: Pixels, **options: object) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Twelve works and their protected copies under the same names."""
    for seed, word in enumerate(WORDS):
        put(tmp_path / "art" / f"{word}.png", work(seed))
        put(tmp_path / "cloaked" / f"{word}.png", cloak(work(seed)))
    return tmp_path / "art", tmp_path / "cloaked"


def gather(originals: Path, protected: Path | None = None, *, seed: int = 0) -> ArtistSet:
    stored: dict[str, Pixels] = {}

    def save(pixels: Pixels) -> str:
        stored[pixels_digest(pixels)] = pixels
        return pixels_digest(pixels)

    found = collect(originals=originals, protected=protected, artist="Ann", seed=seed, save=save)
    assert {w.pixels for w in found.works} | {p.pixels for p in found.protected} <= set(stored)
    return found


def refused(slug: str, originals: Path, protected: Path | None = None) -> str:
    with pytest.raises(BadInput) as caught:
        gather(originals, protected)
    assert caught.value.slug == slug
    sentence = caught.value.sentence
    assert "\n" not in sentence
    assert str(originals.parent) not in sentence
    return sentence


def note(found: ArtistSet, slug: str) -> Note:
    (hit,) = [n for n in found.notes if n.slug == slug]
    return hit


def slugs(found: ArtistSet) -> set[str]:
    return {n.slug for n in found.notes}


def partners(found: ArtistSet) -> dict[str, str]:
    names = {w.id: w.name for w in found.works}
    return {names[p.work]: p.name for p in found.protected}


# --- works -----------------------------------------------------------------------------------------


def test_works_carry_ids_captions_digests_and_sizes(folders: tuple[Path, Path]) -> None:
    found = gather(folders[0])
    assert [w.id for w in found.works] == [f"w{i:03d}" for i in range(12)]
    assert [w.name for w in found.works] == sorted(f"{w}.png" for w in WORDS)
    assert [w.caption for w in found.works] == sorted(WORDS)
    first = found.works[0]
    assert first.pixels == pixels_digest(work(WORDS.index("apple")))
    assert (first.width, first.height) == (64, 48)
    assert (len(found.reference()), len(found.pool())) == (4, 8)
    assert slugs(found) == {"few-works"}


def test_progress_counts_both_folders(folders: tuple[Path, Path]) -> None:
    seen: list[tuple[int, int]] = []
    collect(
        originals=folders[0],
        protected=folders[1],
        artist="Ann",
        seed=0,
        save=pixels_digest,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(i + 1, 24) for i in range(24)]


def test_twenty_works_are_not_few(tmp_path: Path) -> None:
    for seed in range(20):
        put(tmp_path / "art" / f"{seed}.png", work(seed))
    found = gather(tmp_path / "art")
    assert found.notes == ()
    assert len(found.reference()) == 7


def test_hidden_and_side_files_are_quiet_and_others_are_noted(folders: tuple[Path, Path]) -> None:
    art, _ = folders
    for name in (".hidden.png", "Thumbs.db", "desktop.ini", "readme.txt"):
        (art / name).write_text("x")
    assert slugs(gather(art)) == {"few-works"}
    (art / "sketch.psd").write_text("x")
    (art / "more").mkdir()
    sentence = note(gather(art), "files-left-out").sentence
    assert "'sketch.psd'" in sentence
    assert "'more'" in sentence


def test_exact_copies_keep_the_first_even_across_formats(folders: tuple[Path, Path]) -> None:
    art, _ = folders
    put(art / "zebra.webp", work(0), lossless=True)
    found = gather(art)
    assert len(found.works) == 12
    assert "'zebra.webp'" in note(found, "exact-copies").sentence


def test_near_copies_are_noted(folders: tuple[Path, Path]) -> None:
    put(folders[0] / "zebra.jpg", work(0), quality=80)
    found = gather(folders[0])
    assert len(found.works) == 13
    assert "'fox.png' and 'zebra.jpg'" in note(found, "near-duplicate-works").sentence


def test_what_was_done_to_a_picture_is_noted(folders: tuple[Path, Path]) -> None:
    art, _ = folders
    put(art / "fox.png", np.dstack([work(0), np.full((48, 64), 200, np.uint8)]))
    put(art / "owl.png", work(8), icc_profile=b"nonsense")
    frames = [Image.fromarray(work(3)), Image.new("RGB", (64, 48))]
    frames[0].save(art / "tree.png", save_all=True, append_images=frames[1:])
    found = gather(art)
    for slug, name in (
        ("picture-transparent", "fox.png"),
        ("picture-profile-ignored", "owl.png"),
        ("picture-animated", "tree.png"),
    ):
        assert f"'{name}'" in note(found, slug).sentence
        assert found.works[[w.name for w in found.works].index(name)].id == note(found, slug).work


# --- the split -------------------------------------------------------------------------------------


def split_of(found: ArtistSet) -> dict[str, str]:
    return {w.pixels: w.split for w in found.works}


def test_split_depends_on_pixels_and_seed_not_on_names(folders: tuple[Path, Path], tmp_path: Path) -> None:
    for seed in range(12):
        put(tmp_path / "renamed" / f"{(seed * 7) % 12}.webp", work(seed), lossless=True)
    before = split_of(gather(folders[0]))
    assert split_of(gather(tmp_path / "renamed")) == before
    assert split_of(gather(*folders)) == before
    others = {tuple(sorted(split_of(gather(folders[0], seed=s)).items())) for s in range(1, 6)}
    assert len(others) > 1


DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)


@given(st.sets(DIGESTS, min_size=10, max_size=60), st.integers(0))
def test_reference_works_are_a_third_in_any_order(contents: set[str], seed: int) -> None:
    chosen = reference_works(sorted(contents), seed=seed)
    assert chosen == reference_works(sorted(contents, reverse=True), seed=seed)
    assert chosen < contents
    assert len(chosen) == max(4, round(len(contents) / 3))


def test_every_work_is_held_out_as_often_as_another() -> None:
    contents = [pixels_digest(work(s)) for s in range(12)]
    counts = dict.fromkeys(contents, 0)
    for seed in range(600):
        for content in reference_works(contents, seed=seed):
            counts[content] += 1
    # Binomial(600, 1/3): mean 200, standard deviation 11.5.
    assert all(150 < n < 250 for n in counts.values())


# --- captions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "caption"),
    [
        ("red_fox-running.png", "red fox running"),
        ("RedFoxRunning.jpg", "red fox running"),
        ("the-lady-of-the-lake.png", "lady of the lake"),
        ("2023-05-17 castle at night (2).png", "castle at night"),
        ("0042_castle3.webp", "castle"),
        ("castle_e3b0c44298fc1c14.png", "castle"),
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301.png", NEUTRAL_CAPTION),
        ("da39a3ee5e6b4b0d3255bfef95601890afd80709.jpg", NEUTRAL_CAPTION),
        ("IMG_1234.JPG", NEUTRAL_CAPTION),
        ("DSC00017.jpg", NEUTRAL_CAPTION),
        ("PXL_20230517_101112345.jpg", NEUTRAL_CAPTION),
        ("Screenshot 2024-01-02 at 10.11.12 PM.png", NEUTRAL_CAPTION),
        ("untitled.png", NEUTRAL_CAPTION),
        ("Untitled-3 final FINAL v2.png", NEUTRAL_CAPTION),
        ("of the.png", NEUTRAL_CAPTION),
        ("x.png", NEUTRAL_CAPTION),
        (".png", NEUTRAL_CAPTION),
        ("", NEUTRAL_CAPTION),
        ("owl-glazed-intensity10.0-render2-V1.jpg", "owl"),
        ("owl-nightshade-intensity-DEFAULT-V1-glazed-intensity-10-V1.jpg", "owl"),
        ("5_noise_owl.png", "owl"),
        ("owl_16_100_512_1_2_1_False_False.png", "owl"),
        ("Цветущий сад.png", "цветущий сад"),
        ("桜_2.png", "桜"),
        ("हिन्दी.png", "हिन्दी"),
        ("Cafe\u0301 terrace.png", "café terrace"),
        ("owl\n\u202eevil.png", "owl evil"),
        ("<script>alert(1)<_script>.png", "script alert script"),
        ("owl\udcff.png", "owl"),
    ],
)
def test_captions_from_names(name: str, caption: str) -> None:
    assert caption_for(name) == caption


@pytest.mark.parametrize(
    ("sidecar", "caption"),
    [
        (b"a red fox\nsecond line", "a red fox"),
        (b"\xef\xbb\xbfa fox\r\n", "a fox"),
        (b"\n  \n  a fox\tjumps ", "a fox jumps"),
        ("ein Schloß".encode("utf-16"), "ein Schloß"),
        ("ein Schloß".encode("latin-1"), "ein Schloß"),
        ("a \u202efox\u200b\x00 here".encode(), "a fox here"),
        (b"", "owl"),
        (b" \n\x00\n", "owl"),
        (b"word " * 100, ("word " * 40).strip()),
        (b"x" * 500, "x" * 200),
        (b"\xff\xfe\x00", "owl"),
    ],
)
def test_captions_from_sidecars(sidecar: bytes, caption: str) -> None:
    found = caption_for("owl.png", sidecar=sidecar)
    assert found == caption or (sidecar == b"\xff\xfe\x00" and found == "\N{REPLACEMENT CHARACTER}")


@given(st.text(max_size=300), st.none() | st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_captions_are_always_one_safe_line(name: str, sidecar: bytes | None) -> None:
    caption = caption_for(name, sidecar=sidecar)
    assert 1 <= len(caption) <= 200
    assert caption == " ".join(caption.split())
    assert not any(unicodedata.category(c).startswith("C") for c in caption)
    if sidecar is None:
        assert not any(c.isdecimal() for c in caption)


def test_sidecar_files_are_read(folders: tuple[Path, Path]) -> None:
    art, _ = folders
    (art / "fox.txt").write_text("a fox in the snow\n")
    captions = {w.name: w.caption for w in gather(art).works}
    assert captions["fox.png"] == "a fox in the snow"
    assert captions["owl.png"] == "owl"


@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "huge"])
def test_bad_sidecars_are_refused(folders: tuple[Path, Path], tmp_path: Path, kind: str) -> None:
    beside = folders[0] / "fox.txt"
    if kind == "link":
        (tmp_path / "secret").write_text("secret")
        beside.symlink_to(tmp_path / "secret")
    elif kind == "fifo":
        os.mkfifo(beside)
    elif kind == "folder":
        beside.mkdir()
    else:
        beside.write_bytes(b"x" * 70_000)
    assert "fox.txt" in refused("caption-unreadable", folders[0])


# --- bad folders -----------------------------------------------------------------------------------


def test_folders_that_cannot_be_used(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    refused("folder-missing", tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    refused("folder-not-a-folder", tmp_path / "file")
    (tmp_path / "empty").mkdir()
    refused("folder-empty", tmp_path / "empty")
    assert "protected" in refused("folder-empty", folders[0], tmp_path / "empty")
    (tmp_path / "alias").symlink_to(folders[0])
    refused("protected-same-folder", folders[0], tmp_path / "alias")
    assert len(gather(tmp_path / "alias").works) == 12


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_folder(folders: tuple[Path, Path]) -> None:
    folders[0].chmod(0)
    try:
        refused("folder-unreadable", folders[0])
    finally:
        folders[0].chmod(0o700)


def test_too_many_files(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.collect.folders.MAX_FILES", 11)
    refused("folder-too-many-files", folders[0])


def test_too_few_different_works(folders: tuple[Path, Path]) -> None:
    for word in WORDS[:3]:
        put(folders[0] / f"{word}.png", work(11))
    assert "Found 9" in refused("too-few-works", folders[0])


def bad_text(path: Path) -> None:
    path.write_text("not a picture")


def bad_half(path: Path) -> None:
    put(path, cloak(work(0), budget=60))
    path.write_bytes(path.read_bytes()[:3000])


def bad_link(path: Path) -> None:
    path.symlink_to("fox.png")


def bad_small(path: Path) -> None:
    put(path, work(0)[:8])


@pytest.mark.parametrize(
    ("spoil", "slug"),
    [
        (bad_text, "picture-not-an-image"),
        (bad_half, "picture-truncated"),
        (bad_link, "picture-symlink"),
        (os.mkfifo, "picture-not-a-file"),
        (bad_small, "picture-too-small"),
    ],
)
@pytest.mark.parametrize("role", ["originals", "protected"])
def test_one_bad_picture_is_named_with_its_folder(
    folders: tuple[Path, Path], role: str, spoil: Callable[[Path], None], slug: str
) -> None:
    spoil(folders[role == "protected"] / "zebra.png")
    sentence = refused(slug, *folders)
    assert "'zebra.png'" in sentence
    assert f"In the {role} folder" in sentence


@pytest.mark.parametrize(
    "name", ["a\nb.png", "\u202egnp.jpg.png", "<script>alert(1)<.png", "x" * 240 + ".png", b"\xff\xfe.png"]
)
def test_hostile_names_pass_safely(folders: tuple[Path, Path], name: str | bytes) -> None:
    file = os.fsdecode(name) if isinstance(name, bytes) else name
    put(folders[0] / file, work(50))
    put(folders[1] / file, cloak(work(50)))
    found = gather(*folders)
    assert len(found.protected) == 13
    found.canonical().encode("ascii")
    for shown in [w.name for w in found.works] + [w.caption for w in found.works]:
        shown.encode("utf-8")
        assert not any(unicodedata.category(c).startswith("C") for c in shown)
        assert len(shown) <= 200


# --- pairing by name -------------------------------------------------------------------------------

RENAMINGS: dict[str, tuple[Callable[[str], str], str]] = {
    "same": (lambda n: n, ""),
    "same stem": (lambda n: Path(n).stem + ".jpg", ""),
    "glaze 2023-08": (lambda n: Path(n).stem + "-glazed-intensity10.0-render2-V1.jpg", "Glaze"),
    "glaze lower": (lambda n: Path(n).stem + "-glazed-intensity9-render4-v1.png", "Glaze"),
    "glaze 2023-11": (lambda n: Path(n).stem + "-glazed-intensity-10-V1.jpg", "Glaze"),
    "glaze word": (lambda n: Path(n).stem + "-GLAZED-intensity-DEFAULT-V2.png", "Glaze"),
    "nightshade": (lambda n: Path(n).stem + "-nightshade-intensity-LOW-V1.jpg", "Nightshade"),
    "both": (
        lambda n: Path(n).stem + "-nightshade-intensity-DEFAULT-V1-glazed-intensity-50-V1.png",
        "Nightshade + Glaze",
    ),
    "mist 1": (lambda n: Path(n).stem + "_16_100_512_1_2_1_False_False.png", "Mist"),
    "mist 2": (lambda n: "5_noise_" + Path(n).stem.split(".")[0] + ".png", "Mist"),
    "anti-dreambooth": (lambda n: "50_noise_" + n, "Anti-DreamBooth"),
    "anti-dreambooth, saved again": (lambda n: "50_noise_" + n + ".png", "Anti-DreamBooth"),
    "metacloak": (lambda n: "noisy_" + n, "MetaCloak"),
    "diff-protect": (lambda n: Path(n).stem + "_attacked.png", "Diff-Protect"),
    "suffix": (lambda n: Path(n).stem + "_protected.png", ""),
    "brackets": (lambda n: Path(n).stem + " (Glazed).png", "Glaze"),
    "prefix": (lambda n: "cloaked-" + n, ""),
}


@pytest.mark.parametrize("renaming", RENAMINGS)
def test_each_tools_names_are_found(tmp_path: Path, renaming: str) -> None:
    """Pairs of every renaming, even though the look alone could not tell (all works alike)."""
    rename, tool = RENAMINGS[renaming]
    base = work(0)
    expected = {}
    for index, word in enumerate(WORDS):
        name = f"{word}.{'png' if index % 2 else 'webp'}"
        put(tmp_path / "art" / name, cloak(base, seed=index, budget=2), lossless=True)
        put(tmp_path / "safe" / rename(name), cloak(base, seed=index + 100, budget=8))
        expected[name] = rename(name)
    found = gather(tmp_path / "art", tmp_path / "safe")
    assert partners(found) == expected
    assert {p.matched_by for p in found.protected} == {"name"}
    assert {p.claimed_tool for p in found.protected} == {tool}
    assert ("nightshade-lora" in slugs(found)) == ("Nightshade" in tool)


STEMS = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=40).filter(
    lambda s: not s.startswith(".") and s.strip(". ") and Path(s + ".png").stem == s
)


@given(STEMS, st.sampled_from(sorted(RENAMINGS)), st.sampled_from([".png", ".jpeg", ".webp"]))
@settings(max_examples=400)
def test_renaming_any_stem_can_be_undone(stem: str, renaming: str, suffix: str) -> None:
    rename, _ = RENAMINGS[renaming]
    names = set(original_names(rename(stem + suffix)))
    wanted = {stem, stem + suffix}
    if renaming == "mist 2":
        wanted = {stem.split(".")[0]}
    if renaming in ("suffix", "brackets", "prefix"):
        # A stem's own brackets or separators go with a word put beside them.
        bare = re.compile(r"^[-_ .)\]]+|[-_ .(\[]+$")
        names, wanted = {bare.sub("", n) for n in names}, {bare.sub("", n) for n in wanted}
    assert wanted & names


@given(st.text(max_size=80))
def test_original_names_takes_any_string(name: str) -> None:
    names = original_names(name)
    assert next(iter(names.items())) == (Path(name).stem, "")
    assert all(n in name for n in names)
    assert all("" not in tools.split(" + ") for tools in names.values() if tools)


def test_letters_that_only_fold_to_a_tools_name_are_no_claim() -> None:
    assert original_names("owl_mi\u017fted.png") == {"owl_mi\u017fted": ""}


def test_names_that_look_renamed_are_first_taken_as_they_are(folders: tuple[Path, Path]) -> None:
    art, safe = folders
    put(art / "owl_protected.png", work(60))
    put(safe / "owl_protected.png", cloak(work(60)))
    put(art / "5_noise_fox.png", work(61))
    put(safe / "5_noise_fox-glazed-intensity1.png", cloak(work(61)))
    found = gather(art, safe)
    assert len(found.protected) == 14
    assert partners(found)["owl_protected.png"] == "owl_protected.png"
    assert partners(found)["owl.png"] == "owl.png"
    assert partners(found)["5_noise_fox.png"] == "5_noise_fox-glazed-intensity1.png"


def test_case_and_unicode_form_do_not_matter(folders: tuple[Path, Path]) -> None:
    put(folders[0] / "Cafe\u0301.png", work(60))
    put(folders[1] / "caf\u00e9-GLAZED-intensity5-v1.PNG", cloak(work(60)))
    assert len(gather(*folders).protected) == 13


def test_same_stem_in_two_formats_is_told_by_the_extension_then_by_look(folders: tuple[Path, Path]) -> None:
    art, safe = folders
    put(art / "fox.webp", work(60), lossless=True)
    put(safe / "fox.webp", cloak(work(60)), lossless=True)
    put(art / "owl.webp", work(61), lossless=True)
    (safe / "owl.png").unlink()
    put(safe / "owl_protected.png", cloak(work(61)))
    put(safe / "owl.jpg", cloak(work(8)), quality=95)
    found = partners(gather(art, safe))
    assert (found["fox.png"], found["fox.webp"]) == ("fox.png", "fox.webp")
    assert (found["owl.png"], found["owl.webp"]) == ("owl.jpg", "owl_protected.png")


def test_two_copies_of_one_work_are_refused(folders: tuple[Path, Path]) -> None:
    put(folders[1] / "fox-glazed-intensity-HIGH-V1.png", cloak(work(0), seed=5))
    sentence = refused("protected-ambiguous", *folders)
    assert "'fox.png'" in sentence
    assert "'fox-glazed-intensity-HIGH-V1.png'" in sentence


def test_originals_lying_among_the_protected_files_do_not_count(folders: tuple[Path, Path]) -> None:
    """Glaze writes beside the originals, so people hand in the whole folder."""
    art, safe = folders
    for seed, word in enumerate(WORDS):
        put(safe / f"{word}.png", work(seed))
        put(safe / f"{word}-glazed-intensity10-V1.png", cloak(work(seed)))
    found = gather(art, safe)
    assert {p.claimed_tool for p in found.protected} == {"Glaze"}
    assert "protected-identical" not in slugs(found)
    assert "protected-extra" in slugs(found)


# --- pairing by look -------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 0.5, 1.7])
def test_unknown_names_are_paired_by_look(folders: tuple[Path, Path], tmp_path: Path, scale: float) -> None:
    expected = {}
    for seed, word in enumerate(WORDS):
        image = Image.fromarray(cloak(work(seed)))
        image = image.resize((round(64 * scale), round(48 * scale)), Image.Resampling.LANCZOS)
        put(tmp_path / "new" / f"upload{(seed * 5) % 12}.jpg", np.asarray(image), quality=70)
        expected[f"{word}.png"] = f"upload{(seed * 5) % 12}.jpg"
    found = gather(folders[0], tmp_path / "new")
    assert partners(found) == expected
    assert {p.matched_by for p in found.protected} == {"perceptual-hash"}
    assert ("protected-other-size" in slugs(found)) == (scale != 1)
    assert "protected-jpeg" in slugs(found)


def test_works_that_look_alike_are_not_guessed(tmp_path: Path) -> None:
    for index in range(12):
        put(tmp_path / "art" / f"{WORDS[index]}.png", cloak(work(0), seed=index, budget=4))
        put(tmp_path / "safe" / f"upload{index}.png", cloak(work(0), seed=index + 50))
    sentence = refused("protected-unpaired", tmp_path / "art", tmp_path / "safe")
    assert sentence.startswith("Only 0 of 12")
    assert "and 2 more" in sentence


def test_two_unnamed_copies_of_one_work_are_not_guessed(folders: tuple[Path, Path]) -> None:
    (folders[1] / "fox.png").unlink()
    put(folders[1] / "upload1.png", cloak(work(0), seed=1))
    put(folders[1] / "upload2.png", cloak(work(0), seed=2))
    found = gather(*folders)
    assert "fox.png" not in partners(found)
    assert "'upload1.png', 'upload2.png'" in note(found, "protected-extra").sentence


# --- what pairing refuses and notes ----------------------------------------------------------------


def test_partly_protected_keeps_the_paired_works(folders: tuple[Path, Path]) -> None:
    (folders[1] / "fox.png").unlink()
    put(folders[1] / "stranger.png", work(77))
    found = gather(*folders)
    assert len(found.works) == len(found.protected) == 11
    assert "'fox.png'" in note(found, "partly-protected").sentence
    assert "'stranger.png'" in note(found, "protected-extra").sentence
    assert [w.id for w in found.works] == [f"w{i:03d}" for i in range(11)]
    assert {p.work for p in found.protected} == {w.id for w in found.works}


def test_fewer_than_ten_pairs_are_refused(folders: tuple[Path, Path]) -> None:
    for word in WORDS[:3]:
        (folders[1] / f"{word}.png").unlink()
    sentence = refused("protected-unpaired", *folders)
    assert "Only 9 of 12" in sentence
    assert "'castle.png', 'fox.png', 'rocket.png'" in sentence


def test_swapped_names_are_refused_with_the_right_partner(folders: tuple[Path, Path]) -> None:
    put(folders[1] / "fox.png", cloak(work(1)))
    put(folders[1] / "castle.png", cloak(work(0)))
    sentence = refused("protected-other-work", *folders)
    assert "looks like" in sentence


@pytest.mark.parametrize("seed", range(5))
def test_a_strangers_picture_under_a_works_name_is_refused(folders: tuple[Path, Path], seed: int) -> None:
    put(folders[1] / "fox.png", work(1000 + seed))
    assert "'fox.png'" in refused("protected-other-work", *folders)


@pytest.mark.parametrize("contrast", [0.15, 0.3])
def test_a_stranger_is_told_from_pictures_of_little_contrast(folders: tuple[Path, Path], contrast: float) -> None:
    def faint(seed: int) -> Pixels:
        return (128 + (work(seed) - 128.0) * contrast).astype(np.uint8)

    put(folders[0] / "fog.png", faint(70))
    put(folders[1] / "fog.png", cloak(faint(70)))
    assert len(gather(*folders).protected) == 13
    put(folders[1] / "fog.png", faint(71))
    assert "'fog.png'" in refused("protected-other-work", *folders)


@pytest.mark.parametrize("level", [0, 30, 128, 250])
def test_strong_noise_on_a_nearly_empty_picture_is_not_another_work(folders: tuple[Path, Path], level: int) -> None:
    faint = np.full((48, 64, 3), level, np.uint8)
    faint[20:30, 20:40] = level ^ 20
    put(folders[0] / "fog.png", faint)
    put(folders[1] / "fog.png", cloak(faint, budget=16))
    assert len(gather(*folders).protected) == 13


def test_squashed_or_turned_copies_are_refused(folders: tuple[Path, Path]) -> None:
    squashed = np.asarray(Image.fromarray(cloak(work(0))).resize((64, 64)))
    put(folders[1] / "fox.png", squashed)
    sentence = refused("protected-other-shape", *folders)
    assert "64 x 64" in sentence
    assert "64 x 48" in sentence


@pytest.mark.parametrize("size", [(32, 24), (512, 384), (33, 25), (64, 48)])
def test_other_sizes_are_noted(folders: tuple[Path, Path], size: tuple[int, int]) -> None:
    put(folders[1] / "fox.png", np.asarray(Image.fromarray(cloak(work(0))).resize(size)))
    found = gather(*folders)
    assert ("protected-other-size" in slugs(found)) == (size != (64, 48))
    if size != (64, 48):
        fox = next(w.id for w in found.works if w.name == "fox.png")
        assert note(found, "protected-other-size").work == fox


def test_identical_copies_are_noted_one_or_all(folders: tuple[Path, Path]) -> None:
    art, safe = folders
    put(safe / "fox.png", work(0))
    found = gather(art, safe)
    assert "'fox.png'" in note(found, "protected-identical").sentence
    for seed, word in enumerate(WORDS):
        put(safe / f"{word}.png", work(seed))
    assert "Every protected file" in note(gather(art, safe), "protected-identical").sentence


def test_lossy_copies_of_lossless_works_are_noted(folders: tuple[Path, Path]) -> None:
    art, safe = folders
    assert "protected-jpeg" not in slugs(gather(art, safe))
    (safe / "fox.png").unlink()
    put(safe / "fox.jpg", cloak(work(0)), quality=90)
    assert "'fox.jpg'" in note(gather(art, safe), "protected-jpeg").sentence
    (art / "fox.png").unlink()
    put(art / "fox.jpg", work(0), quality=90)
    assert "protected-jpeg" not in slugs(gather(art, safe))


def test_a_lost_colour_profile_is_noted(folders: tuple[Path, Path]) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    put(folders[0] / "owl.png", work(8), icc_profile=profile)
    assert "protected-other-profile" not in slugs(gather(*folders))
    swapped = profile.replace(b"rXYZ", b"tmpX", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"tmpX", b"bXYZ", 1)
    grey = np.repeat(work(8)[..., :1], 3, axis=2)  # greys stay near under exchanged primaries
    put(folders[0] / "owl.png", grey, icc_profile=swapped)
    put(folders[1] / "owl.png", cloak(grey, budget=4))
    assert "'owl.png'" in note(gather(*folders), "protected-other-profile").sentence
