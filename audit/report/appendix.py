"""What the test cannot tell, what to do next, how it was done, with what, and what the words mean."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from audit.records import Record
from audit.report.custody import addons, time_sentence, time_source
from audit.report.limits import LAB_LIMIT, limits
from audit.report.locale import Text, Voice
from audit.report.prose import glossary, method, next_always, next_steps
from audit.report.results_view import ResultsView
from audit.report.retold import retold
from audit.report.table import Table


@dataclass(frozen=True)
class Appendix:
    limits: tuple[str, ...]
    next_steps: tuple[str, ...]
    method: tuple[str, ...]
    settings: tuple[Table, ...]
    rule: str
    integrity: Table
    time: str
    """Sentence on whose word the times are."""
    hashes: tuple[Table, ...]
    environment: Table
    sessions: Table | None
    packages: Table
    glossary: tuple[tuple[str, str], ...]


def appendix(facts: ResultsView) -> Appendix:
    """Everything from the limits down to the glossary."""
    v, plan = facts.voice, facts.results.plan
    full = plan.training.method == "full"
    own = v.many(
        facts.results.replicates,
        "This run used one base model, {n} paired training and {works} works. Other models, settings or works can give "
        "another answer.",
        "This run used one base model, {n} paired trainings and {works} works. Other models, settings or works can "
        "give another answer.",
        works=len(plan.works),
    )
    lab = (v.say(LAB_LIMIT),) if plan.model.lab else ()
    packages = tuple(sorted(facts.results.provenance.packages.items()))
    return Appendix(
        limits=(*lab, *limits(v, full=full), own),
        next_steps=(*next_steps(v, facts.verdict.label), *next_always(v)),
        method=method(v, full=full),
        settings=_settings(facts),
        rule=_rule(facts),
        integrity=_integrity(facts),
        time=time_sentence(v, facts.custody),
        hashes=_hashes(facts),
        environment=_environment(facts),
        sessions=_sessions(facts),
        packages=Table(v.say("Packages"), (v.say("Package"), v.say("Version")), packages),
        glossary=glossary(v),
    )


def _rule(facts: ResultsView) -> str:
    v, m = facts.voice, facts.results.plan.margins
    return v.say(
        "Fixed before the run: held if the low end of the range is above {held}; did not hold if the high end is below "
        "{did_not_hold}; held only in part if the low end is above {partly}; else not clear. With fewer than {least} "
        "paired trainings there is no verdict. Where models drew noisier pictures, the answer must stand with as much "
        "noise in all pictures, too. Ranges are at the {level} level. The whole audit takes the worst of its primary "
        "conditions.",
        held=v.percent(m.held), did_not_hold=v.percent(m.did_not_hold), partly=v.percent(m.partly),
        least=m.min_replicates, level=v.percent(m.level),
    )  # fmt: skip


def _settings(facts: ResultsView) -> tuple[Table, ...]:
    v, plan = facts.voice, facts.results.plan
    model, value = plan.model, (v.say("Setting"), v.say("Value"))
    held_out = sum(w.split == "reference" for w in plan.works)
    general = (
        (v.say("Preset"), plan.preset),
        (v.say("Base model"), f"{model.name} ({model.family}, {model.prediction_type}, {model.resolution} px)"),
        (
            v.say("Licence of the base model"),
            model.licence or (v.say("as this program, Apache-2.0") if model.lab else v.say("not recorded")),
        ),
        (
            v.say("Works"),
            v.say("{pool} to train on, {held_out} held out", pool=len(plan.works) - held_out, held_out=held_out),
        ),
        (
            v.say("Seen of a work"),
            v.say("the middle square, resized to {side} px", side=model.resolution),
        ),
        (v.say("Paired trainings"), str(plan.replicates)),
        (v.say("Seed"), str(plan.seed)),
        (v.say("Style word in prompts"), plan.trigger),
        (v.say("Prompts"), "; ".join(plan.prompts)),
        (
            v.say("Metrics"),
            ", ".join(v.say("{metric} (primary)", metric=m) if m == plan.primary_metric else m for m in plan.metrics),
        ),
        (v.say("Smallest learned share"), v.percent(plan.margins.learned_share)),
        (v.say("Smallest AUC"), v.number(plan.margins.min_auc, digits=2)),
    )
    conditions = tuple(
        (
            facts.label(c.name),
            c.name,
            c.role,
            c.source,
            ", ".join(c.steps) or v.say("none"),
            v.say("yes") if c.primary else v.say("no"),
        )
        for c in plan.conditions
    )
    head = (
        v.say("In words"), v.say("Name"), v.say("Role"), v.say("Pictures from"), v.say("Treatments"), v.say("Primary"),
    )  # fmt: skip
    rules: tuple[tuple[str | Text, ...], ...] = (
        *((v.say("Tested"), retold(v, h.sentence)) for h in plan.hypotheses),
        *_fields(v, plan.margins),
        *_fields(v, plan.exclusion),
        *_fields(v, plan.stopping),
    )
    return (
        Table(v.say("The plan"), value, general),
        Table(v.say("What is tested, and the margins and rules for it, as in the plan file"), value, rules),
        Table(v.say("Conditions"), head, conditions),
        *_recipes(facts),
        Table(v.say("Training, the same for every cell"), value, _fields(v, plan.training)),
        Table(v.say("Making pictures, the same for every model"), value, _fields(v, plan.sampling)),
    )


def _recipes(facts: ResultsView) -> tuple[Table, ...]:
    """How every treatment was made, and what those that optimise achieved; both as they were recorded."""
    v, plan, none = facts.voice, facts.results.plan, facts.voice.say("none")
    recipes = tuple(
        (
            r.step,
            v.as_written(r.source),
            v.as_written(r.published) if r.published else v.say("not recorded"),
            v.as_written("; ".join(f"{name}: {text}" for name, text in r.settings.items())) if r.settings else none,
        )
        for r in plan.recipes
    )
    made = (v.say("Treatment"), v.say("Method by"), v.say("Published settings"), v.say("Settings here"))
    goals = {(r.condition, r.step, r.objective.sentence) for r in facts.results.reached}
    reached = []
    for condition, step, objective in sorted(goals):
        rows = [
            r
            for r in facts.results.reached
            if (r.condition, r.step, r.objective.sentence) == (condition, step, objective)
        ]
        first, last = (statistics.median(values) for values in ([r.first for r in rows], [r.last for r in rows]))
        reached.append(
            (facts.short(condition), step, retold(v, objective), v.number(first), v.number(last), str(len(rows)))
        )
    head = (
        v.say("Condition"), v.say("Treatment"), v.say("What is measured"), v.say("Before, middle value"),
        v.say("After it, middle value"), v.say("Works"),
    )  # fmt: skip
    tables = (
        Table(v.say("How the treatments were made, in the words of the plan file"), made, recipes),
        Table(v.say("What the treatments achieved"), head, tuple(reached)),
    )
    return tuple(t for t in tables if t.rows)


def _fields(v: Voice, record: Record) -> tuple[tuple[str, str], ...]:
    """Settings under the names they have in the plan file, which are not translated."""
    return tuple((name.replace("_", " "), _plain(v, value)) for name, value in record)


def _plain(v: Voice, value: object) -> str:
    if value is None:
        return v.say("off")
    if isinstance(value, bool):
        return v.say("yes") if value else v.say("no")
    return f"{value:g}" if isinstance(value, float) else str(value)


def _integrity(facts: ResultsView) -> Table:
    v, results, p = facts.voice, facts.results, facts.results.provenance
    own = results.plan.digest()
    same = v.say("the same") if own == p.plan_sha256 else v.say("differs: {digest}", digest=own)
    return Table(
        v.say("Digests (SHA-256) and times"),
        (v.say("What"), v.say("Value")),
        (
            (v.say("Plan, fixed before the first training"), p.plan_sha256),
            (v.say("Plan inside these results"), same),
            (v.say("Results this page shows"), results.digest()),
            (v.say("Base model"), results.plan.model.sha256),
            (v.say("Declared about rights"), retold(v, p.declaration) if p.declaration else v.say("nothing")),
            (v.say("Started"), v.minute(p.started)),
            (v.say("Finished"), v.minute(p.finished)),
            (v.say("Time"), time_source(v, facts.custody)),
            (v.say("Trained add-ons"), addons(v, facts.custody)),
        ),
    )


def _hashes(facts: ResultsView) -> tuple[Table, ...]:
    v, results = facts.voice, facts.results
    protected = tuple((f.work, f.name, f.claimed_tool or v.say("none"), f.sha256) for f in results.plan.protected)
    adapters = tuple((facts.short(c.condition), str(c.replicate), c.adapter.sha256) for c in results.cells if c.adapter)
    works = tuple(
        (w.id, w.name, v.say("held out") if w.split == "reference" else v.say("training"), w.sha256)
        for w in results.plan.works
    )
    work, name = v.say("Work"), v.say("File name")
    tables = (
        Table(v.say("Works as delivered"), (work, name, v.say("Use"), "SHA-256"), works),
        Table(
            v.say("Protected files as delivered"), (work, name, v.say("Tool named in the file"), "SHA-256"), protected
        ),
        Table(v.say("Trained add-ons"), (v.say("Trained on"), v.say("Run"), "SHA-256"), adapters),
        Table(
            v.say("Metric weights"),
            (v.say("Metric"), "SHA-256"),
            tuple((m.name, m.weights_sha256) for m in results.metrics),
        ),
    )
    return tuple(t for t in tables if t.rows)


def _sessions(facts: ResultsView) -> Table | None:
    """Every start of the run's command; a run that was stopped and resumed has several."""
    v = facts.voice
    rows = tuple(
        (v.minute(s.started), s.device, str(s.threads), s.commit or v.say("not recorded"))
        for s in facts.results.provenance.sessions
    )
    head = (v.say("Started"), v.say("Device"), v.say("Threads"), v.say("Commit"))
    return Table(v.say("Every start of the run"), head, rows) if rows else None


def _environment(facts: ResultsView) -> Table:
    v, p = facts.voice, facts.results.provenance
    stages = "; ".join(f"{retold(v, name).text} {v.duration(s)}" for name, s in p.stage_seconds.items())
    return Table(
        v.say("Where and with what this ran"),
        (v.say("What"), v.say("Value")),
        (
            ("CloakCheck", facts.results.plan.tool_version),
            (v.say("Commit"), p.commit or v.say("not recorded: not run from a checkout")),
            (v.say("System"), p.platform),
            (v.say("Device"), p.device),
            ("Python", p.python),
            (v.say("Time taken"), v.duration(p.seconds)),
            (v.say("Time by stage"), stages or v.say("not recorded")),
            (
                v.say("Steps"),
                v.say("{run} run, {reused} reused from earlier", run=p.steps_run, reused=p.steps_reused),
            ),
        ),
    )
