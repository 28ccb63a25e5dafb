"""Captions: where they come from, the CSV that goes through a person's hands, a captioning model of the real class."""

from __future__ import annotations

import csv
import io
import unicodedata

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertTokenizerFast,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessor,
    BlipProcessor,
)
from typer.testing import CliRunner

from audit.base.errors import BadInput, BadModel
from audit.base.text import printable
from audit.cli import app
from audit.collect import collect
from audit.collect.captions import Captioned, caption_of, embedded_description, propose, read_captions, write_captions
from audit.collect.names import clean_caption
from audit.collect.notes import foreign_captions
from audit.collect.sidecars import folded
from audit.models.captioner import load_captioner
from audit.store import Store
from tests.e2e.folders import drawing
from tests.e2e.test_privacy import SECRET, write_telling

LINE = st.text(min_size=1, max_size=60).map(clean_caption).filter(bool)


@pytest.fixture
def folder(tmp_path):
    """Pictures that say what they show in every way, and one that does not."""
    art = tmp_path / "art"
    art.mkdir()
    picture = Image.fromarray(drawing(0))
    picture.save(art / "red house.png")
    picture.save(art / "0001.png")
    (art / "0001.txt").write_text("a boat\n")
    exif = Image.Exif()
    exif[0x010E] = "=a tower\x00\x07 in rain"
    exif[0x013B] = SECRET
    picture.save(art / "0002.jpg", exif=exif)
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", SECRET)
    text.add_text("Description", "a harbour")
    picture.save(art / "0003.png", pnginfo=text)
    xmp = (
        "<dc:description><rdf:Alt><rdf:li xml:lang='x-default'>an oak &amp; a crow</rdf:li></rdf:Alt></dc:description>"
    )
    picture.save(art / "0004.jpg", xmp=xmp.encode())
    picture.save(art / "0005.png")
    return art


def test_sources_in_their_order(folder):
    assert [(r.file, r.caption, r.source) for r in propose(folder, describe=None)] == [
        ("0001.png", "a boat", "sidecar"),
        ("0002.jpg", "=a tower in rain", "description"),
        ("0003.png", "a harbour", "description"),
        ("0004.jpg", "an oak & a crow", "description"),
        ("0005.png", "a picture", "none"),
        ("red house.png", "red house", "file name"),
    ]
    by_model = propose(folder, describe=lambda path: f"seen {path.stem}")
    assert [r.source for r in by_model] == ["sidecar"] + ["model"] * 5


def test_names_and_places_are_never_read(tmp_path):
    for path in write_telling(tmp_path / "art").iterdir():
        assert embedded_description(path) == ""


@given(st.binary(max_size=400))
def test_hostile_metadata_is_no_caption_and_no_error(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("x") / "a.jpg"
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG")
    good = buffer.getvalue()
    path.write_bytes(good[:2] + b"\xff\xe1" + (len(data) + 8).to_bytes(2, "big") + b"Exif\0\0" + data + good[2:])
    assert isinstance(embedded_description(path), str)


@given(st.dictionaries(LINE, LINE, max_size=6))
def test_what_is_written_is_read_back(tmp_path_factory, captions):
    path = tmp_path_factory.mktemp("x") / "c.csv"
    data = write_captions([Captioned(file, caption, "model") for file, caption in captions.items()])
    path.write_bytes(data)
    found = read_captions(path)
    assert captions.items() <= found.items()
    # What is more there are names without the folder before them.
    spelled = {other for file in captions for other in (file, folded(file))}
    beside = found.keys() - spelled
    assert all(any(file.endswith((f"/{name}", f"\\{name}")) for file in spelled) for name in beside)
    for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("caption\nx\n", "captions-row"),
        ("file,caption\na,\n", "captions-row"),
        ("file,caption\na,x\na,y\n", "captions-row"),
        ('file,caption\n"a,x\n', "captions-unreadable"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, slug):
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(BadInput) as caught:
        read_captions(tmp_path / "c.csv")
    assert caught.value.slug == slug


def works(tmp_path, captions):
    art = tmp_path / "works"
    if not art.exists():
        art.mkdir()
        for index in range(10):
            Image.fromarray(drawing(index)).save(art / f"{index}.png")
    store = Store(tmp_path / "store")
    return collect(originals=art, protected={}, artist="A", save=store.put_pixels, captions=captions)


def test_a_run_trains_on_the_mended_captions_and_refuses_a_file_with_holes(tmp_path):
    found = works(tmp_path, {f"{i}.png": f"subject {i}" for i in range(10)})
    assert [w.caption for w in found.works] == [f"subject {i}" for i in range(10)]
    with pytest.raises(BadInput, match=r"no row for '9\.png' \(1 of 10"):
        works(tmp_path, {f"{i}.png": f"subject {i}" for i in range(9)})


def tiny_blip(folder):
    """A random BLIP of the real class with its processor."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", *"abcdefgh"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = BlipConfig(
        text_config={**shape, "encoder_hidden_size": 16, "vocab_size": len(words), "projection_dim": 8,
                     "bos_token_id": 5, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0},
        vision_config={**shape, "image_size": 32, "patch_size": 16, "projection_dim": 8},
        projection_dim=8, image_text_hidden_size=8,
    )  # fmt: skip
    torch.manual_seed(0)
    BlipForConditionalGeneration(config).save_pretrained(folder)
    fast = BertTokenizerFast(tokenizer_object=tokenizer)
    BlipProcessor(BlipImageProcessor(size={"height": 32, "width": 32}), fast).save_pretrained(folder)
    return folder


def test_a_captioning_model_says_the_same_of_the_same_picture(tmp_path, folder):
    model = tiny_blip(tmp_path / "blip")
    describe = load_captioner(model, device=torch.device("cpu"))
    first = describe(drawing(0))
    assert first == describe(drawing(0))
    assert np.array_equal(drawing(0), drawing(0))
    out = tmp_path / "captions.csv"
    done = CliRunner().invoke(app, ["captions", str(folder), "--out", str(out), "--captioner", str(model)])
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(out)
    assert read_captions(out)["0001.png"] == "a boat"
    again = CliRunner().invoke(app, ["captions", str(folder), "--out", str(out)])
    assert again.exit_code == 2
    assert "[captions-exist]" in again.stderr


def test_a_folder_that_is_no_captioning_model_is_one_sentence(tmp_path, folder):
    for path in (folder, tmp_path / "missing"):
        with pytest.raises(BadModel) as caught:
            load_captioner(path, device=torch.device("cpu"))
        assert caught.value.slug == "captioner-unsuitable"
        assert str(tmp_path) not in caught.value.sentence


@pytest.mark.parametrize("name", ["x" * 130 + ".png", "\u200f\u0641.png", "a\u200db.png", " lead.png"])
def test_the_runs_own_captions_file_fits_back(name):
    shown = printable(name)
    assert caption_of({shown: "a cat"}, name) == "a cat"
    assert caption_of({shown: "a dog"} | {name: "a cat"}, name) == "a cat"
    assert caption_of({"other": "a cat"}, name) is None


def test_a_row_with_a_cell_too_many_and_a_column_twice_are_read(tmp_path):
    (tmp_path / "c.csv").write_text("file,caption,caption\na.png,x,cat,more\n\nb.png\n")
    with pytest.raises(BadInput) as caught:
        read_captions(tmp_path / "c.csv")
    assert "Row 3" in caught.value.sentence
    (tmp_path / "c.csv").write_text("file,caption\na.png,cat,more\n")
    assert read_captions(tmp_path / "c.csv") == {"a.png": "cat"}


def test_a_description_is_read_without_decoding_the_picture(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    note = PngImagePlugin.PngInfo()
    note.add_text("Description", "a red cat")
    Image.fromarray(drawing(0)).save(path, pnginfo=note)

    def never(self):
        raise AssertionError("decoded")

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", never)
    assert embedded_description(path) == "a red cat"


@pytest.mark.parametrize("mark", [";", "\t", ","])
def test_captions_as_office_programs_of_other_countries_save_them(tmp_path, mark):
    path = tmp_path / "captions.csv"
    path.write_text(f"file{mark}caption\nfox.png{mark}a red fox\n", encoding="utf-8-sig")
    assert read_captions(path) == {"fox.png": "a red fox"}


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8"])
def test_captions_in_the_encodings_of_spreadsheets(tmp_path, encoding):
    (tmp_path / "c.csv").write_bytes("file;caption\r\nMädchen.png;ein Mädchen mit Schirm\r\n".encode(encoding))
    assert read_captions(tmp_path / "c.csv")["Mädchen.png"] == "ein Mädchen mit Schirm"


def test_captions_in_an_encoding_that_is_not_sure_are_refused(tmp_path):
    (tmp_path / "c.csv").write_bytes("file,caption\nfox.png,рыжая лиса\n".encode("cp1251"))
    with pytest.raises(BadInput, match="save it again as CSV"):
        read_captions(tmp_path / "c.csv")


@pytest.mark.parametrize("file", ["FOX.PNG", "Fox.png", "art\\FOX.png"])
def test_a_table_may_write_names_in_another_case(tmp_path, file):
    (tmp_path / "c.csv").write_text(f"file,caption\n{file},a red fox\n")
    assert caption_of(read_captions(tmp_path / "c.csv"), "fox.png") == "a red fox"


def test_a_table_may_write_names_in_another_normal_form(tmp_path):
    (tmp_path / "c.csv").write_text(f"file,caption\n{unicodedata.normalize('NFD', 'möwe.png')},a gull\n", "utf-8")
    assert caption_of(read_captions(tmp_path / "c.csv"), "möwe.png") == "a gull"


def test_names_that_differ_in_case_alone_keep_their_own_captions(tmp_path):
    (tmp_path / "c.csv").write_text("file,caption\nFox.png,a fox\nfox.png,another fox\n")
    captions = read_captions(tmp_path / "c.csv")
    assert [caption_of(captions, name) for name in ("Fox.png", "fox.png", "FOX.png")] == [
        "a fox",
        "another fox",
        "another fox",
    ]


ENGLISH = ["castle by the river", "sleeping fox", "old harbour at dawn", "portrait of a girl with umbrella"]
OTHERS = {
    "German": ["schloss am fluss", "schlafender fuchs", "alter hafen bei sonnenaufgang", "mädchen mit regenschirm"],
    "French": ["château au bord du fleuve", "renard endormi", "vieux port à l'aube", "fille avec un parapluie"],
    "Russian": ["замок у реки", "спящая лиса", "старая гавань", "девочка с зонтиком"],
    "Japanese": ["川辺の城", "眠る狐", "夜明けの古い港", "傘をさす少女", "猫と窓", "森の家"],
}


@pytest.mark.parametrize("language", OTHERS)
def test_captions_in_another_language_are_noted(language):
    (note,) = foreign_captions(OTHERS[language])
    assert note.slug == "captions-foreign"
    assert any(caption in note.sentence for caption in OTHERS[language])


@pytest.mark.parametrize("captions", [ENGLISH, ["a picture"] * 12, ["qzx"], [*ENGLISH, "mädchen"]])
def test_english_captions_and_none_are_not(captions):
    assert foreign_captions(captions) == []


@pytest.mark.parametrize("folder", ["art\\\\", "C:\\\\Users\\\\Ann\\\\art\\\\", "art/", ""])
def test_a_table_may_name_the_folder_before_the_file(folder, tmp_path):
    (tmp_path / "c.csv").write_text(f"file,caption\n{folder}cat.png,a cat\n")
    assert caption_of(read_captions(tmp_path / "c.csv"), "cat.png") == "a cat"


def test_one_name_in_two_folders_is_nobodys_caption(tmp_path):
    (tmp_path / "c.csv").write_text("file,caption\na\\\\cat.png,a cat\nb\\\\cat.png,a dog\n")
    assert caption_of(read_captions(tmp_path / "c.csv"), "cat.png") is None
