"""Protected copies find their works, under every tool's renaming or by look; what pairing refuses and notes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from audit.base.errors import BadInput
from audit.collect.names import original_names
from audit.images import Ground, Pixels, open_picture, pixels_digest
from tests.works import WORDS, cloak, gather, note, partners, put, refused, slugs, work

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
    assert next(iter(names.items())) == (Path(name).stem, ())
    assert all(n in name for n in names)
    assert all("" not in tools for tools in names.values())


def test_letters_that_only_fold_to_a_tools_name_are_no_claim() -> None:
    assert original_names("owl_mi\u017fted.png") == {"owl_mi\u017fted": ()}


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


def test_identical_copies_are_noted_and_refused_where_all_are(folders: tuple[Path, Path]) -> None:
    art, safe = folders
    put(safe / "fox.png", work(0))
    found = gather(art, safe)
    assert "'fox.png'" in note(found, "protected-identical").sentence
    for seed, word in enumerate(WORDS):
        put(safe / f"{word}.png", work(seed))
    with pytest.raises(BadInput) as refused:
        gather(art, safe)
    assert refused.value.slug == "nothing-protected"


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


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_copy_that_lost_its_orientation_is_called_turned(folders: tuple[Path, Path], turns: int) -> None:
    art, safe = folders
    put(safe / "fox.png", np.rot90(cloak(work(0)), turns))
    sentence = refused("protected-other-shape", art, safe)
    assert "'fox.png' lies turned beside its original" in sentence


@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirrored_copy_is_called_so(folders: tuple[Path, Path], axis: int) -> None:
    put(folders[1] / "fox.png", np.flip(cloak(work(0)), axis))
    assert "'fox.png', mirrored" in refused("protected-other-shape", *folders)


def strokes(seed: int) -> Pixels:
    """A painting without large shapes, dark above and below: its mirror image has nearly the same tones everywhere."""
    blobs = np.random.default_rng(seed).integers(60, 140, (20, 26, 3))
    blobs += np.round(70 * np.sin(np.linspace(0, np.pi, 20)))[:, None, None].astype(int)
    return np.asarray(Image.fromarray(blobs.astype(np.uint8)).resize((312, 240), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("change", ["mirrored", "turned", "another"])
def test_a_painting_without_large_shapes_is_known_by_its_lines(tmp_path: Path, change: str) -> None:
    art, safe = tmp_path / "art", tmp_path / "safe"
    for seed, word in enumerate(WORDS):
        put(art / f"{word}.png", strokes(seed))
        put(safe / f"{word}.png", cloak(strokes(seed)))
    assert {p.matched_by for p in gather(art, safe).protected} == {"name"}
    ways = {"mirrored": np.flip(strokes(0), 1), "turned": np.rot90(strokes(0), 2), "another": strokes(99)}
    put(safe / f"{WORDS[0]}.png", cloak(ways[change]))
    slug = "protected-other-work" if change == "another" else "protected-other-shape"
    assert change in refused(slug, art, safe)


def haze(pixels: Pixels) -> Pixels:
    return (pixels * 0.35 + 255 * 0.65).astype(np.uint8)


def vignette(pixels: Pixels) -> Pixels:
    rows, columns = (np.linspace(-1, 1, n) for n in pixels.shape[:2])
    fall = np.clip(1.1 - 0.6 * (rows[:, None] ** 2 + columns**2), 0.05, 1)
    return (pixels * fall[..., None]).astype(np.uint8)


@pytest.mark.parametrize("tone", [haze, vignette, lambda pixels: (pixels // 4).astype(np.uint8)])
def test_changed_tones_are_noted(folders: tuple[Path, Path], tone: Callable[[Pixels], Pixels]) -> None:
    assert "protected-tones" not in slugs(gather(*folders))
    put(folders[1] / "fox.png", tone(cloak(work(0))))
    assert "'fox.png'" in note(gather(*folders), "protected-tones").sentence


@pytest.mark.parametrize(("border", "level"), [((5, 5), 0), ((5, 5), 255), ((3, 12), 30)])
def test_a_framed_copy_is_called_so(folders: tuple[Path, Path], border: tuple[int, int], level: int) -> None:
    down, across = border
    framed = np.pad(cloak(work(0)), ((down, down), (across, across), (0, 0)), constant_values=level)
    put(folders[1] / "fox.png", framed)
    assert "with a frame" in refused("protected-other-shape", *folders)


def test_a_cropped_copy_is_called_so(folders: tuple[Path, Path]) -> None:
    put(folders[1] / "fox.png", cloak(work(0))[:, 4:-4])
    assert "edges cut off" in refused("protected-other-shape", *folders)


def test_a_squashed_and_an_inverted_copy_are_called_so(folders: tuple[Path, Path]) -> None:
    squashed = np.asarray(Image.fromarray(cloak(work(0))).resize((64, 64)))
    put(folders[1] / "fox.png", squashed)
    assert "in another shape" in refused("protected-other-shape", *folders)
    put(folders[1] / "fox.png", 255 - cloak(work(0)))
    assert "inverted colours" in refused("protected-other-shape", *folders)


def test_a_copy_turned_by_a_few_degrees_lies_askew_and_has_no_other_tones(folders: tuple[Path, Path]) -> None:
    big = Image.fromarray(work(0)).resize((640, 480))
    put(folders[0] / "fox.png", np.asarray(big))
    put(folders[1] / "fox.png", cloak(np.asarray(big.rotate(3, fillcolor=(128, 128, 128)))))
    found = gather(*folders)
    assert "'fox.png'" in note(found, "protected-misaligned").sentence
    assert "protected-tones" not in slugs(found)


@pytest.mark.parametrize("under", [0, 90])
@pytest.mark.parametrize("ground", ["black", "bare"])
def test_transparency_that_a_tool_filled_is_no_other_picture(
    folders: tuple[Path, Path], ground: Ground, under: int
) -> None:
    art, safe = folders
    alpha = np.zeros((48, 64), np.uint8)
    alpha[10:30, 10:40] = 255
    bare = np.where(alpha[..., None] > 0, work(0), np.uint8(under)).astype(np.uint8)
    put(art / "fox.png", np.dstack([bare, alpha]))
    seen, _ = open_picture(art / "fox.png", ground=ground)
    put(safe / "fox.png", cloak(seen))
    found = gather(art, safe)
    assert found.works[[w.name for w in found.works].index("fox.png")].pixels == pixels_digest(seen)
    assert "'fox.png'" in note(found, "picture-filled-like-copy").sentence
    assert "picture-transparent" not in slugs(found)
