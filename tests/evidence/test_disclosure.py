"""A bundle that leaves the works out does not tell whose they are, or is not made."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from audit.cli import app
from audit.evidence.verify import verify
from tests.builders import make_plan
from tests.evidence.runs import PROMPTS, write_run


def run_of(folder, **changes):
    """A run with one work's name or caption, or a field of the plan, as given."""
    plan = make_plan(prompts=PROMPTS)
    work = {key: changes.pop(key) for key in ("name", "caption") if key in changes}
    works = list(plan.works)
    works[3] = works[3].model_copy(update=work)
    return write_run(folder / "run", plan.model_copy(update={"works": tuple(works), **changes}))


def bundle(run, out, *more, code=0):
    words = ("bundle", run, "--out", out, "--key", out.parent / "k.pem", "--store", out.parent / "store", *more)
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


@pytest.mark.parametrize(
    ("field", "text", "what"),
    [
        ("caption", "a cat, mail jane.doe@example.org", "a mail address: jane.doe@example.org"),
        ("caption", "a cat by artstation.com/janedoe", "a web address or an account: artstation.com/janedoe"),
        ("caption", "a cat, https://jane.example/cat", "a web address or an account: https://jane.example/cat"),
        ("caption", "a cat by @jane_doe", "a web address or an account: @jane_doe"),
        ("caption", "a cat, call +49 170 1234567", "a telephone number: +49 170 1234567"),
        ("caption", "a cat, (555) 123-4567", "a telephone number: (555) 123-4567"),
        ("name", "jane-doe.com cat.png", "a web address or an account: jane-doe.com"),
        ("name", "0170 123 4567.jpg", "a telephone number: 0170 123 4567"),
        ("artist", "jane@example.org", "a mail address: jane@example.org"),
        ("prompts", ("cat", "castle of www.jane.example"), "a web address or an account: www.jane.example"),
    ],
)
def test_what_tells_who_made_the_works_stops_a_bundle(tmp_path, field, text, what):
    run = run_of(tmp_path, **{field: text})
    said = bundle(run, tmp_path / "b", code=2)
    assert "[bundle-discloses]" in said
    assert what in said
    place = {"caption": "works[3].caption", "name": "works[3].name", "artist": "artist", "prompts": "prompts[1]"}[field]
    assert f"in plan.json at {place}" in said
    assert not (tmp_path / "b").exists()
    assert "UNEXPECTED" in bundle(run, tmp_path / "b", "--audit-privacy")


@pytest.mark.parametrize(
    "caption",
    [
        "a cat. It sits",
        "study 2024-01-15, 30x40 cm",
        "IMG_20240115_123456.jpg",
        "no. 12/345",
        "1,000,000 stars",
        "50 % grey @ dawn",
    ],
)
def test_what_tells_nobody_does_not(tmp_path, caption):
    run = run_of(tmp_path, caption=caption, name="IMG_20240115_123456 (2).final.png")
    bundle(run, tmp_path / "b", "--profile", "minimal")


def test_a_name_that_must_not_be_in_it_is_found_however_it_is_written(tmp_path):
    run = run_of(tmp_path, name="janeDOE_cat.png")
    bundle(run, tmp_path / "a", "--profile", "minimal")
    for name in ("Jane Doe", "jane-doe"):
        assert "janeDOE" in bundle(run, tmp_path / "b", "--never", name, "--profile", "minimal", code=2)
    bundle(run, tmp_path / "b", "--never", "Jane Roe", "--profile", "minimal")


def test_the_users_own_name_is_known_to_the_system(tmp_path, monkeypatch):
    run = run_of(tmp_path, caption="a cat by jane doe")
    bundle(run, tmp_path / "a", "--profile", "minimal")
    monkeypatch.setattr("audit.evidence.privacy._full_name", lambda: "Jane Doe")
    assert "your user's name: jane doe" in bundle(run, tmp_path / "b", "--profile", "minimal", code=2)


def test_it_is_made_where_somebody_says_so_and_derives_all_the_same(tmp_path):
    run = run_of(tmp_path, caption="mail jane.doe@example.org")
    bundle(run, tmp_path / "b", "--disclose", "--profile", "minimal")
    assert all(found.passed for found in verify(tmp_path / "b"))


def test_a_bundle_under_a_pseudonym_derives(tmp_path):
    run = run_of(tmp_path, artist="A pseudonym", name="work 4.png")
    bundle(run, tmp_path / "b", "--never", "Jane Doe")
    assert all(found.passed for found in verify(tmp_path / "b"))
    assert {found.check for found in verify(tmp_path / "b") if not found.derived} == {"draws", "seed"}
