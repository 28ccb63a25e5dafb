"""Folders in, ArtistSet out: works, the split, captions, one sentence per bad input."""

from __future__ import annotations

import contextlib
import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from audit.base.errors import BadInput
from audit.collect import collect, part_once, reference_works
from audit.collect.encoding import decode_text
from audit.collect.names import NEUTRAL_CAPTION, caption_for
from audit.images import pixels_digest
from audit.records import ArtistSet
from tests.works import WORDS, cloak, gather, note, put, refused, slugs, work

# --- works -----------------------------------------------------------------------------------------


def test_works_carry_ids_captions_digests_and_sizes(folders: tuple[Path, Path]) -> None:
    found = gather(folders[0])
    assert [w.id for w in found.works] == [f"w{i:03d}" for i in range(12)]
    assert [w.name for w in found.works] == sorted(f"{w}.png" for w in WORDS)
    assert [w.caption for w in found.works] == sorted(WORDS)
    first = found.works[0]
    assert first.pixels == pixels_digest(work(WORDS.index("apple")))
    assert (first.width, first.height) == (64, 48)
    assert {w.split for w in found.works} == {"drawn"}
    assert slugs(found) == {"few-works"}


def test_progress_counts_both_folders(folders: tuple[Path, Path]) -> None:
    seen: list[tuple[int, int]] = []
    collect(
        originals=folders[0],
        protected={"protected": folders[1]},
        artist="Ann",
        save=pixels_digest,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(i + 1, 24) for i in range(24)]


def test_twenty_works_are_not_few(tmp_path: Path) -> None:
    for seed in range(20):
        put(tmp_path / "art" / f"{seed}.png", work(seed))
    found = gather(tmp_path / "art")
    assert found.notes == ()


def test_hidden_and_side_files_are_quiet_and_others_are_noted(folders: tuple[Path, Path]) -> None:
    art, _ = folders
    for name in (".hidden.png", "Thumbs.db", "desktop.ini", "readme.txt"):
        (art / name).write_text("x")
    assert slugs(gather(art)) == {"few-works"}
    (art / "sketch.kra").write_text("x")
    (art / "more").mkdir()
    (art / "all.zip").write_text("x")
    (art / "fox.npz").write_text("x")
    (art / "__MACOSX").mkdir()
    found = gather(art)
    for slug, name in (
        ("formats-left-out", "sketch.kra"),
        ("subfolders-left-out", "more"),
        ("archives-left-out", "all.zip"),
        ("files-left-out", "fox.npz"),
    ):
        assert note(found, slug).sentence.count("'") == 2
        assert f"'{name}'" in note(found, slug).sentence


def test_masks_are_no_works(folders: tuple[Path, Path]) -> None:
    art, _ = folders
    put(art / "carnival-mask.png", work(30))
    put(art / "owl-masklabel.png", work(31))
    put(art / "fox-mask.png", work(32))
    found = gather(art)
    assert "carnival-mask.png" in {w.name for w in found.works}
    assert "'fox-mask.png', 'owl-masklabel.png'" in note(found, "masks-left-out").sentence
    assert len(found.works) == 13


def test_exact_copies_keep_the_first_even_across_formats(folders: tuple[Path, Path]) -> None:
    art, _ = folders
    put(art / "zebra.webp", work(0), lossless=True)
    found = gather(art)
    assert len(found.works) == 12
    assert "'zebra.webp'" in note(found, "exact-copies").sentence


@pytest.mark.parametrize("seed", range(8))
def test_near_copies_stay_on_one_side_of_the_split(folders: tuple[Path, Path], seed: int) -> None:
    put(folders[0] / "zebra.jpg", work(0), quality=80)
    found = part_once(gather(folders[0]), seed=seed)
    sides = {w.name: w.split for w in found.works}
    assert len(sides) == 13
    assert sides["fox.png"] == sides["zebra.jpg"]
    assert 4 <= list(sides.values()).count("reference") <= 5
    assert "near-duplicate-works" not in slugs(found)


def test_too_many_near_copies_are_parted_and_noted(folders: tuple[Path, Path]) -> None:
    for quality in range(50, 90, 4):
        put(folders[0] / f"zebra{quality}.jpg", work(0), quality=quality)
    found = part_once(gather(folders[0]), seed=0)
    assert {w.split for w in found.works} == {"pool", "reference"}
    assert "'fox.png' and 'zebra" in note(found, "near-duplicate-works").sentence


def test_protected_copies_among_the_originals_are_refused(folders: tuple[Path, Path]) -> None:
    art, safe = folders
    put(art / "protected fox.png", work(40))
    assert len(gather(art).works) == 13, "a subject of that name is no copy"
    put(art / "owl-glazed-intensity-HIGH.png", cloak(work(WORDS.index("owl"))))
    for protected in ({}, {"protected": safe}):
        with pytest.raises(BadInput) as refused:
            collect(originals=art, protected=protected, artist="A", save=pixels_digest)
        assert refused.value.slug == "originals-hold-copies"


def test_swapped_folders_are_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    art, _ = folders
    glazed = tmp_path / "glazed"
    glazed.mkdir()
    for seed, word in enumerate(WORDS):
        put(glazed / f"{word}-glazed-intensity-LOW.png", cloak(work(seed)))
    with pytest.raises(BadInput) as refused:
        gather(glazed, art)
    assert refused.value.slug == "folders-swapped"


@pytest.mark.parametrize(
    ("originals", "copies", "swapped"),
    [
        ("my art glazed", "my art", True),
        ("Protected", "originals", True),
        ("glaze", "Original", True),
        ("originals", "glazed", False),
        ("my art", "my art glazed", False),
        ("glazed works 2019", "tested", False),
        ("clean", "originals", False),
    ],
)
def test_folders_that_are_swapped_by_their_own_names_are_refused(
    folders: tuple[Path, Path], tmp_path: Path, originals: str, copies: str, swapped: bool
) -> None:
    art, safe = (folder.rename(tmp_path / name) for folder, name in zip(folders, (originals, copies), strict=True))
    if swapped:
        with pytest.raises(BadInput) as refused:
            gather(art, safe)
        assert refused.value.slug == "folders-swapped"
        assert f"'{originals}' was given as the originals" in str(refused.value)
    else:
        gather(art, safe)


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


def split_of(found: ArtistSet, *, seed: int = 0) -> dict[str, str]:
    return {w.pixels: w.split for w in part_once(found, seed=seed).works}


def test_split_depends_on_pixels_and_seed_not_on_names(folders: tuple[Path, Path], tmp_path: Path) -> None:
    for seed in range(12):
        put(tmp_path / "renamed" / f"{(seed * 7) % 12}.webp", work(seed), lossless=True)
    before = split_of(gather(folders[0]))
    assert split_of(gather(tmp_path / "renamed")) == before
    assert split_of(gather(*folders)) == before
    others = {tuple(sorted(split_of(gather(folders[0]), seed=s).items())) for s in range(1, 6)}
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
        ("a fox\nor two".encode("utf-16-le"), "a fox"),
        ("赤い家と猫".encode("cp932"), "赤い家と猫"),
        ("赤い家と猫".encode("euc-jp"), "赤い家と猫"),
        ("蓝色的房子".encode("gbk"), "蓝色的房子"),
        ("“A house” – café".encode("cp1252"), "“A house” – café"),
    ],
)
def test_captions_from_sidecars(sidecar: bytes, caption: str) -> None:
    assert caption_for("owl.png", sidecar=decode_text(sidecar)) == caption


@pytest.mark.parametrize(
    "sidecar",
    [
        b"\xff\xfe\x00",
        "červený dům".encode("cp1250"),
        "kočka".encode("cp1250"),
        "красный дом".encode("cp1251"),
        "красный дом".encode("koi8-r"),
        "łódka".encode("cp1250"),
        bytes(range(128, 256)),
    ],
)
def test_text_of_no_sure_encoding_is_refused_by_name(folders: tuple[Path, Path], sidecar: bytes) -> None:
    (folders[0] / "fox.txt").write_bytes(sidecar)
    assert "'fox.txt'" in refused("caption-encoding", folders[0])


WRITING = {
    "abc éüöç“”": "cp1252 cp1250 cp1254 utf-8 utf-16",
    "赤い家と猫のある": "cp932 euc-jp utf-8",
    "的一是了我不人在蓝色房子": "gbk utf-8",
    "的一是我不人在藍色房子": "big5 utf-16",
}


@given(st.data(), st.sampled_from([(a, e) for a, all_of in WRITING.items() for e in all_of.split()]))
def test_text_is_never_garbled(data_of: st.DataObject, written: tuple[str, str]) -> None:
    letters, encoding = written
    text = data_of.draw(st.text(letters, max_size=20))
    data = text.encode(encoding, "ignore")
    text = data.decode(encoding)
    with contextlib.suppress(UnicodeDecodeError):
        # A letter or two may happen to be UTF-8 for others.
        text = data.decode("utf-8")
    assert decode_text(data) in (None, text)


@given(st.text(max_size=300), st.none() | st.text(max_size=400))
def test_captions_are_always_one_safe_line(name: str, sidecar: str | None) -> None:
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


@pytest.mark.parametrize(
    ("picture", "sidecar"),
    [
        ("IMG_1.PNG", "IMG_1.TXT"),
        ("IMG_1.png", "img_1.Txt"),
        ("IMG_1.png", "IMG_1.caption"),
        ("IMG_1.png", "IMG_1.png.txt"),
        ("A\u0308pfel.png", "\xc4pfel.txt"),
        ("\xc4pfel.png", "a\u0308pfel.TXT"),
    ],
)
def test_sidecars_are_found_however_their_name_is_written(
    folders: tuple[Path, Path], picture: str, sidecar: str
) -> None:
    art, _ = folders
    put(art / picture, work(20))
    (art / sidecar).write_text("a red house")
    found = gather(art)
    assert {w.name: w.caption for w in found.works}[picture] == "a red house"
    assert slugs(found) == {"few-works"}


def test_sidecars_that_are_not_or_partly_used_are_named(folders: tuple[Path, Path]) -> None:
    art, safe = folders
    (art / "gone.txt").write_text("a text")
    (art / "fox.txt").write_text("a fox")
    (art / "fox.caption").write_text("another fox")
    (art / "owl.txt").write_text("")
    (art / "tree.txt").write_text("a tree\nin the snow")
    (art / "lamp.txt").write_text("tag, " * 100)
    found = gather(art)
    assert "'fox.caption', 'gone.txt'" in note(found, "sidecars-unused").sentence
    assert "'owl.txt'" in note(found, "sidecars-empty").sentence
    assert "'lamp.txt', 'tree.txt'" in note(found, "captions-cut").sentence
    for name in ("fox.txt", "boat.txt"):
        (safe / name).write_text("a fox")
    assert any("'boat.txt'" in n.sentence and n.said.id == "sidecars-unused.copies" for n in gather(art, safe).notes)


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


def zipped(path: Path) -> Path:
    path.write_bytes(b"PK\x03\x04")
    return path


def outer(tmp_path: Path) -> Path:
    (tmp_path / "outer" / "fox").mkdir(parents=True)
    return tmp_path / "outer"


def test_folders_that_cannot_be_used(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    refused("folder-missing", tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    refused("folder-not-a-folder", tmp_path / "file")
    (tmp_path / "empty").mkdir()
    refused("folder-empty", tmp_path / "empty")
    assert "protected" in refused("folder-empty", folders[0], tmp_path / "empty")
    assert "packed" in refused("folder-not-a-folder", zipped(tmp_path / "art.zip"))
    assert "single picture" in refused("folder-not-a-folder", folders[0] / "fox.png")
    zipped(tmp_path / "empty" / "art.zip")
    assert "'art.zip'" in refused("folder-empty", tmp_path / "empty")
    (tmp_path / "empty" / "a.HEIC").write_bytes(b"x")
    assert "'a.HEIC'" in refused("folder-empty", tmp_path / "empty")
    assert "'fox'" in refused("folder-empty", outer(tmp_path))
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


def test_arms_are_compared_on_the_works_that_all_of_them_have(folders: tuple[Path, Path], tmp_path: Path) -> None:
    art, low = folders
    high = tmp_path / "high"
    for path in sorted(low.iterdir()):
        if path.stem != "owl":
            put(high / path.name, cloak(np.asarray(Image.open(path).convert("RGB"))))
    found = gather(art, {"glaze-low": low, "glaze-high": high})
    assert {f.arm for f in found.protected} == {"glaze-low", "glaze-high"}
    of = {arm: [f.work for f in found.protected if f.arm == arm] for arm in ("glaze-low", "glaze-high")}
    assert of["glaze-low"] == of["glaze-high"] == [w.id for w in found.works]
    assert "owl.png" not in {w.name for w in found.works}
    assert "'glaze-high': " in note(found, "partly-protected").sentence
    assert "owl.png" in note(found, "partly-protected").sentence
    said = note(found, "arm-not-compared").sentence
    assert said.startswith("Of the protected copies called 'glaze-low': ")
    assert "owl.png" in said


def test_what_holds_of_many_sets_is_one_note(folders: tuple[Path, Path], tmp_path: Path) -> None:
    art, low = folders
    arms = {"low": low}
    for name in "abc":
        shutil.copytree(low, tmp_path / name)
        arms[name] = tmp_path / name
    (tmp_path / "c" / "owl.png").unlink()
    found = gather(art, arms)
    assert note(found, "arm-not-compared").sentence.startswith("Of the protected copies called 'low', 'a', 'b': ")
    assert note(found, "partly-protected").sentence.startswith("Of the protected copies called 'c': ")


def test_a_folder_given_twice_under_two_names_is_told(folders: tuple[Path, Path], tmp_path: Path) -> None:
    art, low = folders
    shutil.copytree(low, tmp_path / "again")
    found = gather(art, {"low": low, "new": tmp_path / "again"})
    assert "'low', 'new' hold the very same pictures" in note(found, "arms-same").sentence
    put(tmp_path / "again" / "owl.png", cloak(work(WORDS.index("owl")), seed=5))
    other = gather(art, {"low": low, "new": tmp_path / "again"})
    assert "arms-same" not in {n.slug for n in other.notes}


def test_arms_that_share_too_few_works_are_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    art, low = folders
    for i in range(10):
        put(art / f"more{i}.png", work(50 + i))
        put(tmp_path / "high" / f"more{i}.png", cloak(work(50 + i)))
    assert "Only 0 works have a copy in each of low, high" in refused(
        "arms-unlike", art, {"low": low, "high": tmp_path / "high"}
    )


def test_what_is_wrong_with_one_arm_says_which(folders: tuple[Path, Path], tmp_path: Path) -> None:
    art, low = folders
    same = tmp_path / "same"
    for path in art.glob("*.png"):
        put(same / path.name, np.asarray(Image.open(path).convert("RGB")))
    said = refused("nothing-protected", art, {"low": low, "other": same})
    assert said.startswith("Of the protected copies called 'other': ")
