"""The report of `score`: the same shell as an audit's, another question. Results -> one HTML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from audit.base.errors import BadResults
from audit.judge.gains import finite
from audit.judge.score_estimates import find_score, groups, unit_means
from audit.judge.scored import WORDS, failed, sentence
from audit.records import Estimate, ScoreGroup, ScoreResults, ScoreVerdict
from audit.report.assets import templates_folder
from audit.report.figures.groups import Strip
from audit.report.figures.groups import groups as draw_groups
from audit.report.locale import NBSP, SOURCE, Text, Voice, voice
from audit.report.page import environment, policy
from audit.report.pictures import Picture, Shelf
from audit.report.retold import retold
from audit.report.score_prose import group_name, group_words, limits_of_score, method_of_score
from audit.report.table import Drawing, Table
from audit.store import write_atomic

SLOTS: dict[ScoreGroup, str] = {"named": "c0", "control": "base", "other-name": "c1"}


@dataclass(frozen=True)
class Shown:
    """One small picture with what it is."""

    label: str
    slot: str
    picture: Picture
    words: str


@dataclass(frozen=True)
class Line:
    """One gate as the page shows it."""

    passed: bool | None
    slug: str
    sentence: Text
    detail: Text


@dataclass(frozen=True)
class ScorePage:
    """All that the template sees."""

    artist: str
    service: str
    finished: str
    report_id: str
    verdict: ScoreVerdict
    word: str
    answer: Text
    figures: str
    share: Estimate | None
    counted: str
    recognised: tuple[str, ...]
    prompts: tuple[tuple[str, tuple[Shown, ...]], ...]
    works: tuple[Shown, ...]
    drawing: Drawing | None
    checks: tuple[Line, ...]
    notes: tuple[Text, ...]
    estimates: Table
    limits: tuple[str, ...]
    method: tuple[str, ...]
    tables: tuple[Table, ...]
    integrity: Table


def write_score_report(results: ScoreResults, *, run_folder: Path, lang: str = SOURCE) -> Path:
    """Render a judged score into `run_folder`, whole or not at all.

    Raises:
        StorageError: the folder cannot be written; and all that `render_score` raises.
    """
    target = run_folder / "report.html"
    write_atomic(target, render_score(results, images=run_folder / "images", lang=lang).encode("utf-8"))
    return target


def render_score(results: ScoreResults, *, images: Path, lang: str = SOURCE) -> str:
    """The report as HTML text that loads nothing from outside.

    Raises:
        BadInput: `language-unknown`. BadResults: `results-not-judged`. StorageError: `templates-missing`.
    """
    folder, speaking = templates_folder(), voice(lang)
    page = build_score(results, images=images, v=speaking)
    style, script = (Markup((folder / name).read_text(encoding="utf-8")) for name in ("report.css", "report.js"))
    template = environment(folder, speaking).get_template("score.html.j2")
    return template.render(page=page, style=style, script=script, policy=policy(style, script))


def build_score(results: ScoreResults, *, images: Path, v: Voice) -> ScorePage:
    """Work out everything on the page."""
    if results.verdict is None:
        raise BadResults(
            "results-not-judged",
            "The results hold no verdict, and a report needs one: run `cloakcheck judge` on the run folder first.",
        )
    plan, verdict = results.plan, results.verdict
    answer, _, figures = _said(v, results).text.partition(". ")
    shelf, share = Shelf(images), find_score(results, "closeness_share", "control")
    withheld = verdict.label in ("not-valid", "described")
    return ScorePage(
        artist=retold(v, plan.artist).text,
        service=plan.service,
        finished=results.provenance.finished,
        report_id=results.digest()[:12],
        verdict=verdict,
        word=v.known(WORDS[verdict.label]).text,
        answer=Text(f"{answer}." if figures else answer, _said(v, results).foreign),
        figures=figures,
        share=None if withheld or share is None or share.value is None else share,
        counted=_counted(v, results),
        recognised=tuple(_recognised(v, results)),
        prompts=_prompts(v, results, shelf),
        works=tuple(
            Shown(w.name, "clean", picture, v.say("Work by the artist: {name}", name=w.name))
            for w in plan.works
            if w.split == "reference" and (picture := shelf.preview(results.images.get(w.id, ""))) is not None
        ),
        drawing=_drawing(v, results),
        checks=tuple(Line(c.passed, c.slug, v.known(c.sentence), retold(v, c.detail)) for c in results.checks),
        notes=tuple(retold(v, n.sentence) for n in results.notes),
        estimates=_estimates(v, results),
        limits=limits_of_score(v, results),
        method=method_of_score(v, results),
        tables=_tables(v, results),
        integrity=_integrity(v, results),
    )


def _said(v: Voice, results: ScoreResults) -> Text:
    """The verdict's sentence in the page's language, where it can be said again from the same facts."""
    assert results.verdict is not None
    written, check = results.verdict.sentence, failed(results)

    def again(to: Voice) -> str:
        reason = "" if check is None else to.known(check.sentence).text
        # Only English goes on in lower case after a colon.
        reason = reason[:1].lower() + reason[1:] if to.code == SOURCE else reason
        assert results.verdict is not None
        return sentence(results, results.verdict.label, to.say, reason=reason)

    if v.code == SOURCE:
        return Text(written, foreign=False)
    return Text(again(v), foreign=False) if again(voice()) == written else v.as_written(written)


def _values(results: ScoreResults, group: ScoreGroup) -> tuple[float, ...]:
    scored = next((s for s in results.scores if s.metric == results.plan.primary_metric), None)
    return () if scored is None else tuple(unit_means(results, group, scored.values).values())


def _counted(v: Voice, results: ScoreResults) -> str:
    named = [p for p in results.plan.pictures if p.group == "named"]
    units = len(_values(results, "named"))
    if results.plan.unit == "prompt":
        return v.many(units, "{n} prompt counted, {count} pictures", "{n} prompts counted, {count} pictures",
                      count=len(named))  # fmt: skip
    return v.many(
        units, "{n} pair of prompt and session counted, {count} pictures",
        "{n} pairs of prompt and session counted, {count} pictures", count=len(named),
    )  # fmt: skip


def _recognised(v: Voice, results: ScoreResults) -> list[str]:
    known = next((r for r in results.recognition if r.metric == results.plan.primary_metric), None)
    if known is None:
        return []
    lines = []
    for group in groups(results):
        rate = find_score(results, "recognised_rate", group)
        if rate is None or rate.value is None:
            continue
        text = v.say(
            "{pictures}: {share} recognised as the artist's among {count} artists",
            pictures=group_words(v, group), share=v.percent(rate.value), count=len(known.artists) + 1,
        )  # fmt: skip
        if rate.low is not None and rate.high is not None:
            text += " " + v.say("(likely {low} to {high})", low=v.percent(rate.low), high=v.percent(rate.high))
        lines.append(f"{text}.")
    lines.append(
        v.say(
            "For comparison, of the artist's real works {own} are recognised, and of works by others {false} are taken "
            "for the artist's.",
            own=v.percent(known.own_rate),
            false=v.percent(known.false_rate),
        )
    )
    return lines


def _prompts(v: Voice, results: ScoreResults, shelf: Shelf) -> tuple[tuple[str, tuple[Shown, ...]], ...]:
    found: dict[str, list[Shown]] = {}
    for picture in results.plan.pictures:
        opened = shelf.preview(results.images.get(picture.id, ""))
        if opened is not None:
            words = v.say("AI-generated picture, {group}: {prompt}", group=group_name(v, picture.group),
                          prompt=picture.prompt)  # fmt: skip
            shown = Shown(group_name(v, picture.group), SLOTS[picture.group], opened, words)
            found.setdefault(picture.prompt, []).append(shown)
    return tuple((prompt, tuple(shown)) for prompt, shown in found.items())


def _drawing(v: Voice, results: ScoreResults) -> Drawing | None:
    facts = next((m for m in results.metrics if m.name == results.plan.primary_metric), None)
    strips = [Strip(v.say("real works by others"), "ink", tuple(finite(facts.others)) if facts else ())]
    for group in reversed(groups(results)):
        mean = find_score(results, "style_score", group)
        strips.append(Strip(group_name(v, group), SLOTS[group], _values(results, group), mean))
    strips.append(Strip(v.say("the artist's real works"), "clean", tuple(finite(facts.real)) if facts else ()))
    caption = v.say(
        "Small marks are the means of single prompts, and single works. Large marks are means, bars their ranges. By "
        "{metric}, which was chosen before.",
        metric=results.plan.primary_metric,
    )
    return draw_groups(v, strips, caption=caption, key="groups")


def _estimates(v: Voice, results: ScoreResults) -> Table:
    rows = []
    for e in results.estimates:
        shares = e.unit == "share"
        parts = [v.percent(x) if shares else v.number(x) for x in (e.value, e.low, e.high) if x is not None]
        text = parts[0] if parts else v.known(e.note).text or v.missing
        if len(parts) == 3:
            text += " " + v.say("({low} to {high})", low=parts[1], high=parts[2]).replace(" ", NBSP)
        group = e.condition or v.say("none")
        rows.append(
            (e.name.replace("_", " "), group, e.metric, text, str(e.n), v.known(e.note).text, retold(v, e.method).text)
        )
    head = (
        v.say("Reading"), v.say("Pictures"), v.say("Metric"), v.say("Value"), v.say("Units counted"), v.say("Note"),
        v.say("How it is worked out"),
    )  # fmt: skip
    return Table(v.say("All numbers"), head, tuple(rows))


def _tables(v: Voice, results: ScoreResults) -> tuple[Table, ...]:
    plan, p = results.plan, results.provenance
    value = (v.say("Setting"), v.say("Value"))
    own = tuple((name.replace("_", " "), f"{number:g}") for name, number in plan.margins)
    general = (
        (v.say("Counted"), plan.unit),
        (v.say("Size at which pictures are compared"), f"{plan.side} px"),
        (v.say("Seed"), str(plan.seed)),
        (v.say("Metrics"), ", ".join(v.say("{metric} (primary)", metric=m) if m == plan.primary_metric else m
                                     for m in plan.metrics)),
        (v.say("Reference artists"), ", ".join(a.name for a in plan.reference_artists) or v.say("none")),
        *own,
    )  # fmt: skip
    where = (
        ("CloakCheck", plan.tool_version),
        (v.say("System"), p.platform),
        ("Python", p.python),
        (v.say("Time taken"), v.duration(p.seconds)),
    )
    files = tuple(
        (group_name(v, x.group), x.prompt, x.session or v.say("none"), x.name, x.sha256) for x in plan.pictures
    )
    works = tuple((w.id, w.name, w.sha256) for w in plan.works)
    head = (v.say("Pictures"), v.say("Prompt"), v.say("Session"), v.say("File name"), "SHA-256")
    return (
        Table(v.say("Settings"), value, general),
        Table(v.say("Where and with what this ran"), (v.say("What"), v.say("Value")), where),
        Table(v.say("Packages"), (v.say("Package"), v.say("Version")), tuple(sorted(p.packages.items()))),
        Table(v.say("Pictures as delivered"), head, files),
        Table(v.say("Works as delivered"), (v.say("Work"), v.say("File name"), "SHA-256"), works),
    )


def _integrity(v: Voice, results: ScoreResults) -> Table:
    p = results.provenance
    metrics = tuple((f"{v.say('Metric')} {m.name}", m.weights_sha256) for m in results.metrics)
    return Table(
        v.say("Digests (SHA-256) and times"),
        (v.say("What"), v.say("Value")),
        (
            (v.say("Plan, fixed before the first picture was scored"), p.plan_sha256),
            (v.say("Results this page shows"), results.digest()),
            *metrics,
            (v.say("Started"), v.minute(p.started)),
            (v.say("Finished"), v.minute(p.finished)),
        ),
    )
