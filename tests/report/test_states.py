"""What the page says for each verdict, and that it says what the results say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from audit import records as r
from audit.base.messages import as_written
from audit.judge import judge
from audit.report import assets, render
from audit.report.lint import banned_claims, visible_text
from audit.report.results_view import ResultsView
from tests.builders import make_work
from tests.judge.audits import with_noise
from tests.report import scenes
from tests.report.conftest import Rendered
from tests.report.soup import Soup, taste


def shown(soup: Soup) -> list[tuple[float, str]]:
    return [(float(value), text.replace("\xa0", " ")) for value, text in soup.data]


def verdict(rendered: Rendered) -> r.Verdict:
    assert rendered.results.verdict is not None
    return rendered.results.verdict


@pytest.mark.parametrize("label", ["held", "partly-held", "did-not-hold", "inconclusive", "exploratory"])
def test_headline_is_the_verdict_and_its_number(pages: dict[str, Rendered], label: str) -> None:
    rendered = pages[label]
    results, soup = rendered.results, taste(rendered.html)
    assert soup.text("h1")[0].replace("\xa0", " ") == verdict(rendered).sentence
    index = next(
        e
        for e in results.estimates
        if (e.name, e.condition, e.metric)
        == ("protection_index", verdict(rendered).condition, results.plan.primary_metric)
    )
    headline = [a["value"] for a in soup.all("data") if a.get("id") == "headline-number"]
    assert [float(v) for v in headline] == [index.value]


@pytest.mark.parametrize("label", ["held", "partly-held", "did-not-hold", "inconclusive", "exploratory"])
def test_every_machine_readable_number_is_in_the_results(pages: dict[str, Rendered], label: str) -> None:
    rendered = pages[label]
    known = {e.value for e in rendered.results.estimates}
    numbers = shown(taste(rendered.html))
    assert len(numbers) == 1 + len(rendered.results.plan.conditions) - 1
    for value, text in numbers:
        assert value in known
        said = re.search(r"(\d+) % (less|more)", text)
        if said is None:
            assert abs(value) < 0.025
            assert text in ("the same amount", "as much as unprotected")
        else:
            assert abs(abs(value) - int(said[1]) / 100) <= 0.026 or (text.startswith("over") and value > 0.9)
            assert (said[2] == "less") == (value > 0)


def test_the_scale_puts_the_number_where_it_belongs(pages: dict[str, Rendered]) -> None:
    for label in ("held", "partly-held", "did-not-hold"):
        rendered = pages[label]
        svg = rendered.html.split('<figure class="scale">')[1].split("</svg>")[0]
        zero, one = (float(re.findall(rf'<text x="([\d.]+)%"[^>]*>{t}\s%', svg)[0]) for t in ("0", "100"))
        point = float(re.findall(r'<circle cx="([\d.]+)%" cy="36" r="9"', svg)[0])
        value = float(re.findall(r'id="headline-number" value="([^"]+)"', rendered.html)[0])
        assert (point - zero) / (one - zero) == pytest.approx(value, abs=0.001)


UNSURE = {"inconclusive", "exploratory"}


@pytest.mark.parametrize("label", list(scenes.STATES))
def test_a_number_stands_large_only_where_a_verdict_rests_on_it(pages: dict[str, Rendered], label: str) -> None:
    """Else the range stands there, or the reason why there is none."""
    html = pages[label].html
    large = 'class="big"' in html
    assert large == (label in {"held", "held-plain", "partly-held", "did-not-hold"})
    assert ('class="number unsure"' in html) == (label in UNSURE)
    if label in UNSURE:
        strong = html.split('class="number unsure"><strong>')[1].split("</strong>")[0]
        assert "between" in strong


def test_every_verdict_has_a_plate_of_its_own(pages: dict[str, Rendered]) -> None:
    """Not by colour alone: fill, edge or shape differ."""
    css = (assets.templates_folder() / "report.css").read_text(encoding="utf-8")
    rules = {
        label: tuple(re.findall(rf"^\.v-{label} \.plate {{ (.*) }}$", css, re.MULTILINE)) for label in scenes.STATES
    }
    rules.pop("did-not-hold")  # The plain plate that the others change.
    assert all(len(found) == 1 for found in rules.values()), rules
    without_colour = {re.sub(r"#\w+|var\(--\w+(-\w+)?\)", "", found[0]) for found in rules.values()}
    assert len(without_colour) == len(rules)
    assert all(f"v-{label}" in pages[label].html for label in scenes.STATES)


def test_the_first_screen_shows_own_work_base_unprotected_and_protected_in_a_row(pages: dict[str, Rendered]) -> None:
    table = pages["held"].html.split('<table class="evidence">')[1].split("</table>")[0]
    for row in table.split("<tbody>")[1:]:
        words = [image["alt"] for image in taste(f"<table><tbody>{row}</table>").all("img")]
        marks = ("Work by the artist", "the model before any training", "your unprotected originals", "encoder-pgd")
        assert len(words) == len(marks)
        assert all(mark in said for mark, said in zip(marks, words, strict=True)), words
    assert table.count("<tbody>") == 3


def test_training_after_a_countermeasure_is_never_called_plainly_protected(pages: dict[str, Rendered]) -> None:
    """The headline of this state is the countermeasure."""
    html = pages["held"].html
    heads = re.findall(r"<th scope=\"col\" class=\"k-[^>]*>(?:<bdi>)?([^<]+)", html)
    assert heads[-1] == "protected, then JPEG compression at quality 50"
    for part in html.split('<div class="extreme">')[1:]:
        assert '<figcaption class="k-c1">protected</figcaption>' not in part.split("</div>")[0]


def test_inconclusive_is_said_to_be_no_failure(pages: dict[str, Rendered]) -> None:
    text = visible_text(pages["inconclusive"].html)
    assert "too small or too noisy to tell" in text
    assert "It does not mean your protection failed." in text


def test_not_valid_gives_no_number_but_the_failed_check(pages: dict[str, Rendered]) -> None:
    rendered = pages["not-valid"]
    soup = taste(rendered.html)
    assert soup.data == []
    assert "scale" not in [a.get("class") for a in soup.all("div")]
    outside = re.sub(r"<details.*?</details>", "", rendered.html, flags=re.DOTALL)
    assert not re.search(r"\d+ % (less|more)", visible_text(outside).replace("\xa0", " "))
    failed = [c for c in rendered.results.checks if c.passed is False]
    text = visible_text(rendered.html)
    assert all(c.sentence in text for c in failed)
    assert text.index(failed[0].sentence, text.index("Was the test fair?")) < text.index("Passed")


def test_exploratory_says_how_many_trainings_and_how_many_are_needed(pages: dict[str, Rendered]) -> None:
    text = visible_text(pages["exploratory"].html).replace("\xa0", " ")
    assert "This run has 2 paired trainings. A verdict needs at least 6" in text


@pytest.mark.parametrize("label", list(scenes.states()))
def test_always_there(pages: dict[str, Rendered], label: str) -> None:
    rendered = pages[label]
    text = visible_text(rendered.html).replace("\xa0", " ")
    for needed in (
        "AI-generated",
        "says nothing about your art under Stable Diffusion",
        "It is not a legal finding",
        "not independently attested",
        "Not hand-picked: the first 6 prompts of run 1",
        "Small pictures are compressed",
    ):
        assert needed in text
    assert rendered.results.plan.digest() in visible_text(rendered.html, names=True)
    assert len(rendered.results.checks) > 5
    for check in rendered.results.checks:
        assert check.sentence in text
    headings = taste(rendered.html).text("h2")
    always = [
        "See it", "What this does not tell you", "What the protection does to the picture", "Was the test fair?",
        "How sure is this?", "Would it change if…", "What you can do next", "How it was done", "The numbers",
        "Integrity", "Environment", "Glossary",
    ]  # fmt: skip
    assert [heading for heading in headings[1:] if heading in always] == always


def test_a_real_model_is_not_called_a_lab_model(tmp_path: Path) -> None:
    results = scenes.run(protection={scenes.CLOAK: 0.8})
    model = results.plan.model.model_copy(update={"lab": False, "name": "sd15"})
    results = results.model_copy(update={"plan": results.plan.model_copy(update={"model": model})})
    assert "lab model" not in visible_text(render(results, images=tmp_path)).lower()


def test_grid_has_one_picture_per_prompt_and_model_from_run_one(pages: dict[str, Rendered]) -> None:
    rendered = pages["held"]
    grids = [part.split("</table>")[0] for part in rendered.html.split('<table class="grid">')[1:]]
    assert len(grids) == 2, "half of the rows stand open"
    alts = [a["alt"] for grid in grids for a in taste(f"<table>{grid}</table>").all("img")]
    made = [a for a in alts if a.startswith("AI-generated")]
    assert len(made) == 6 * (2 + len(rendered.results.plan.conditions) - 1)
    assert all("run 1." in a for a in made if "before any training" not in a)
    assert len(alts) - len(made) == 6


def test_missing_cells_are_said_in_words_and_never_shown_as_zero(tmp_path: Path) -> None:
    results = scenes.run(protection={scenes.CLOAK: 0.5}, missing=frozenset({(scenes.CLOAK, 2)}))
    html = render(results, images=tmp_path)
    text = visible_text(html, names=True)
    assert "1 training could not be used. It is left out, never counted as zero: encoder-pgd:16 (run 2)" in text
    table = html.split("</a> Mean style score of each training")[1].split("</table>")[0]
    row = table.split("encoder-pgd:16")[1].split("</tr>")[0]
    assert re.findall(r"<td><bdi>([^<]*)", row)[1] == "not measured"


def test_a_run_without_any_picture_file_is_a_page_all_the_same(tmp_path: Path) -> None:
    html = render(scenes.run(protection={scenes.CLOAK: 0.5}), images=tmp_path / "nowhere")
    assert taste(html).all("img") == []
    assert html.count("picture not found") == 6 * 7
    assert "There are no pictures to compare" in html


def test_one_replicate_has_no_range_and_says_so(tmp_path: Path) -> None:
    results = scenes.run(protection={scenes.CLOAK: 0.5}, replicates=1)
    scenes.draw(results, tmp_path)
    html = render(results, images=tmp_path)
    text = visible_text(html).replace("\xa0", " ")
    assert "This run has 1 paired training." in text
    assert "no range" in text
    assert "likely between" not in visible_text(html.split('<nav class="contents"')[0])
    assert banned_claims(text) == []


def test_no_results_at_all(tmp_path: Path) -> None:
    every = frozenset((c.name, k) for c in scenes.CONDITIONS for k in range(1, 7))
    text = visible_text(render(scenes.run(missing=every), images=tmp_path))
    assert "There is no pair of trainings to draw." in text
    assert "no protection index could be worked out" in text


def test_only_clean(tmp_path: Path) -> None:
    html = render(scenes.run(conditions=scenes.CONDITIONS[:1]), images=tmp_path)
    assert len(taste(html).all("h1")) == 1


def test_forty_conditions(tmp_path: Path) -> None:
    conditions = scenes.many(40)
    results = scenes.run(
        protection={c.name: 0.02 * i for i, c in enumerate(conditions)}, conditions=conditions, replicates=6
    )
    scenes.draw(results, tmp_path)
    html = render(results, images=tmp_path)
    assert len(html.encode()) < 10_000_000
    soup = taste(html)
    assert len(soup.data) == 41
    assert "Conditions without a column here are in the contact sheets" in visible_text(html)
    assert html.count("Rows that do not fit the figure are in the table.") == 3, "forest plots hold every row"
    assert len([f for f in soup.all("figure") if f.get("class") == "sheet"]) == 41 * 6 + 1


def test_hostile_names_are_inert(tmp_path: Path) -> None:
    nasty = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202egnp.exe{{ 7*7 }}$x^2$</style>\x00"
    works = tuple(
        make_work(i, split="reference" if i % 3 == 0 else "pool", name=f"{nasty}{i}").model_copy(
            update={"caption": nasty}
        )
        for i in range(18)
    )
    conditions = (
        scenes.CONDITIONS[0],
        r.Condition(name=nasty, role="protected", steps=(nasty,), primary=True),
        r.Condition(name="\u6c34\u5f69:16", role="protected", steps=("x",), primary=True),
    )
    results = scenes.run(
        protection={nasty: 0.5},
        conditions=conditions,
        artist=nasty,
        prompts=(nasty, "cat", "tree"),
        works=works,
    )
    files = {"files": ("../../etc/passwd", "/etc/x", "a\0b")}
    cells = tuple(c.model_copy(update={"generations": c.generations.model_copy(update=files)}) for c in results.cells)
    note = r.Note(said=as_written(f"Seen: {nasty}", id="x"))
    html = render(results.model_copy(update={"cells": cells, "notes": (note,)}), images=tmp_path)
    soup = taste(html)
    assert html.count("<script") == 1
    assert html.count("</style>") == 1
    assert soup.all("img") == []
    assert "\u202e" not in html
    assert "\0" not in html
    assert not [a for _, a in soup.elements if any(n.startswith("on") for n in a)]
    assert "{{ 7*7 }}" in visible_text(html, names=True)


@pytest.mark.parametrize("lang", ["en", "de"])
def test_a_test_of_whole_models_speaks_of_no_add_ons(lang: str) -> None:
    results = scenes.state("held")
    training = results.plan.training.model_copy(update={"method": "full"})
    whole = results.model_copy(update={"plan": results.plan.model_copy(update={"training": training})})
    told = [visible_text(render(r, images=Path("nowhere"), lang=lang)) for r in (results, whole)]
    kind = {"en": ("small add-on", "copies of one picture generator"), "de": ("Zusatz", "Kopien eines Bildgenerators")}
    assert kind[lang][0] in told[0]
    assert kind[lang][1] not in told[0]
    assert kind[lang][1] in told[1]


def test_noise_that_moves_the_score_is_said_in_plain_words(tmp_path: Path) -> None:
    plain = scenes.small()
    assert plain.verdict is not None
    name = plain.verdict.condition
    assert name is not None
    noisy = judge(with_noise(plain, name, level=3.0, base=0.01, clean=-0.02))
    assert noisy.verdict is not None
    assert noisy.verdict.label != "not-valid"
    equal = next(e for e in noisy.estimates if e.name == "index_at_equal_noise" and e.condition == name)
    assert equal.value is not None
    said = f"the protection index would be {round(100 * equal.value)} % ("
    assert said in visible_text(render(noisy, images=scenes.draw(noisy, tmp_path))).replace("\xa0", " ")
    assert "protection index would be" not in visible_text(render(plain, images=tmp_path))


@pytest.mark.parametrize(
    ("lang", "both", "row"),
    [
        ("en", "The answer above is what both figures allow.", "With as much noise in all pictures"),
        ("de", "Die Antwort oben ist das, was beide Zahlen zulassen.", "Bei ebenso viel Rauschen in allen Bildern"),
    ],
)
def test_a_label_that_noise_softened_says_why(lang: str, both: str, row: str, tmp_path: Path) -> None:
    plain = scenes.state("held")
    assert plain.verdict is not None
    assert plain.verdict.condition is not None
    softer = judge(with_noise(plain, plain.verdict.condition, level=3.0, base=0.0, clean=-0.15))
    assert softer.verdict is not None
    assert softer.verdict.label == "partly-held"
    told = visible_text(render(softer, images=tmp_path, lang=lang))
    assert both in told
    assert row in told
    unmoved = judge(with_noise(plain, plain.verdict.condition, level=3.0))
    assert both not in visible_text(render(unmoved, images=tmp_path, lang=lang))


def test_the_same_amount_never_stands_beside_another_figure() -> None:
    """ "7 % less by one score and the same amount by the other" would read as 7 % by both."""
    results = scenes.run(protection={scenes.CLOAK: 0.7, scenes.COUNTER: 0.0}, run_sd=0.0001)
    words = [w for w in ResultsView(results).readings.index_words if w.change.id == "change.none"]
    assert words, "no index of this run is 0 in words: the test sees nothing"
    view = ResultsView(results)
    for word in words:
        found = view.estimate(word.name, word.condition, metric=word.metric)
        assert found is not None
        assert view.change(found) == "as much as unprotected"
        assert view.change(found, of_style=True) == "the same amount"
    text = visible_text(render(results, images=Path("nowhere")))
    assert "gives the same amount" not in text
    assert ": the same amount" not in text


@pytest.mark.parametrize("label", sorted({*UNSURE, "held", "did-not-hold"}))
def test_no_row_leads_with_a_figure_that_is_not_known(pages: dict[str, Rendered], label: str) -> None:
    """As on the first screen: where a test cannot tell, its range comes first and the middle is called one."""
    html = pages[label].html
    rows = re.findall(r'<p class="share">(.*?)</p>', html)
    assert rows
    counted = re.findall(r'class="tag">counts</span></span></p>\s*<p class="share">(.*?)</p>', html)
    assert counted
    assert all(row.startswith("<data") != (label in UNSURE) for row in counted)
    for row in rows:
        assert row.startswith("<data") or "the middle of it is" in row or "no number" in row


def test_an_effect_beyond_everything_is_not_given_as_a_figure(pages: dict[str, Rendered]) -> None:
    text = visible_text(pages["exploratory"].html)
    assert "This run could not be expected to notice any effect" in text
    assert not re.search(r"smallest effect[^.]* about \d{3} %", text.replace("\xa0", " "))


@pytest.mark.parametrize("label", ["models-broke", "not-valid"])
def test_a_state_without_a_number_has_none_on_its_open_part(pages: dict[str, Rendered], label: str) -> None:
    """The first screen says that there is no number; no section further down may give one all the same."""
    opened = re.sub(
        r"<details.*?</details>", "", re.sub(r"<script.*?</script>", "", pages[label].html, flags=re.S), flags=re.S
    )
    sections = opened[opened.index('id="sure"') : opened.index('id="next"')]
    text = visible_text(f"<main>{sections}").replace("\xa0", " ")
    assert "The numbers are kept for experts." in text
    assert "The range of the protection index runs" not in text
    assert not re.search(r"gives .*\d+ % (less|more)", text)
