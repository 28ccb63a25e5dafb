"""Reading a batch file: artists by table and by pattern, and what is wrong with it, told in one sentence."""

from __future__ import annotations

import time

import pytest

from audit.base.errors import AuditError
from audit.plan.batch import load_batch
from tests.works import WORDS, put, work

PATTERN = '[defaults]\noriginals = "art/*/originals"\nprotected = { low = "art/*/low" }\n'


@pytest.fixture(scope="module")
def art(tmp_path_factory):
    """Two artists' folders; what is in them is for others to judge."""
    root = tmp_path_factory.mktemp("batch")
    for name in ("Ada Quill", "ben", ".hidden"):
        for folder in ("originals", "low", "high"):
            (root / "art" / name / folder).mkdir(parents=True)
            put(root / "art" / name / folder / f"{WORDS[0]}.png", work(0))
    return root


def load(art, text, **options):
    (art / "many.toml").write_text(text, encoding="utf-8")
    return load_batch(art / "many.toml", options)


def test_a_pattern_finds_artists_and_a_table_changes_what_holds_for_one(art, tmp_path):
    asked = load(
        art,
        'out = "results"\n' + PATTERN + 'against = ["jpeg:50"]\n[defaults.training]\nsteps = 5\nrank = 2\n'
        '[artists.ben]\nartist = "B."\nprotected = { low = "art/*/low", high = "art/*/high" }\n'
        "[artists.ben.training]\nsteps = 7\n",
        device="cpu",
    )
    assert asked.out == art / "results"
    ada, ben = asked.audits
    assert [(a.artist, a.folder, a.run_folder.name) for a in asked.audits] == [
        ("Ada Quill", "ada-quill", "ada-quill"),
        ("ben", "ben", "ben"),
    ]
    assert (ada.spec.artist, ben.spec.artist) == ("Ada Quill", "B.")
    assert ada.spec.originals == art / "art" / "Ada Quill" / "originals"
    assert ben.spec.protected == {name: art / "art" / "ben" / name for name in ("low", "high")}
    assert (ada.spec.training, ben.spec.training) == ({"steps": 5, "rank": 2}, {"steps": 7, "rank": 2})
    assert {a.spec.against for a in asked.audits} == {("jpeg:50",)}
    assert {a.spec.device for a in asked.audits} == {"cpu"}
    assert load(art, PATTERN, out=tmp_path).audits[0].run_folder == tmp_path / "ada-quill"


def test_every_model_has_a_run_folder_of_its_own_for_every_artist(art, tiny_model):
    asked = load(art, f'models = ["lab", "{tiny_model}"]\n' + PATTERN)
    assert [a.folder for a in asked.audits] == ["ada-quill-lab", "ben-lab", "ada-quill-model", "ben-model"]


@pytest.mark.parametrize(
    ("text", "slug", "named"),
    [
        ("[defaults]\nprotect = 1\n[art]\n", "batch-invalid", "art"),
        ("models = []\n" + PATTERN, "batch-invalid", "models"),
        (PATTERN + 'colour = "red"\n', "spec-invalid", "colour"),
        (PATTERN + "[artists.ben.training]\nsteps = 'x'\n", "spec-invalid", "Artist ben"),
        (PATTERN + 'against = ["jpg:50"]\n', "treatment-unknown", "Artist Ada Quill"),
        (PATTERN + 'out = "x"\n', "batch-field", "out"),
        (PATTERN + "no_reuse = true\n", "batch-field", "no_reuse"),
        ('[defaults]\npreset = "quick"\n', "batch-no-artist", "many.toml"),
        (PATTERN.replace("art/*/originals", "art/*/nothing"), "batch-pattern", "art/*/nothing"),
        (PATTERN.replace("art/*/originals", "*/*/originals"), "batch-pattern", "*/*"),
        (PATTERN.replace("art/*/low", "art/*/lows"), "batch-folder", "protected.low"),
        (PATTERN + "[artists.cy]\n", "batch-folder", "cy"),
        (PATTERN + '[artists."../ben"]\n', "batch-artist-name", "../ben"),
        (PATTERN + '[artists."a*"]\n', "batch-artist-name", "a*"),
        ('[artists.Ben]\noriginals = "art/ben/originals"\nprotect = ["encoder-pgd"]\n'
         '[artists.ben]\noriginals = "art/ben/originals"\nprotect = ["encoder-pgd"]\n', "batch-same-folder", "Ben"),
        ('out = "../elsewhere"\n' + PATTERN, "spec-path", "elsewhere"),
        ('out = "a\\u0000b"\n' + PATTERN, "spec-path", "zero"),
        (PATTERN.replace("art/*/low", "art/*/\\u0000"), "spec-path", "zero"),
        ('models = ["sd99"]\n' + PATTERN, "model-unknown", "sd99"),
        ("a" + ".a" * 50_000 + " = 1\n", "spec-unreadable", "dots"),
        ("[" * 100_000, "spec-unreadable", "TOML"),
        ("a = [" + "[" * 5_000, "spec-unreadable", "TOML"),
        ("x = 1\nx = 2\n", "spec-unreadable", "TOML"),
        ("\ud800", "spec-unreadable", "TOML"),
        ("# " + "x" * (1 << 20), "spec-unreadable", "TOML"),
        ("".join(f"[artists.a{n}]\n" for n in range(1001)), "batch-too-many", "1001"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_file_is_one_sentence_and_nothing_is_written(art, text, slug, named):
    (art / "many.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    there, begun = sorted(art.rglob("*")), time.monotonic()
    with pytest.raises(AuditError) as error:
        load_batch(art / "many.toml")
    assert error.value.said.slug == slug
    assert named in error.value.sentence
    assert "\n" not in error.value.sentence
    assert str(art) not in error.value.sentence
    assert time.monotonic() - begun < 30
    assert sorted(art.rglob("*")) == there
