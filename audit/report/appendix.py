"""What the test cannot tell, what to do next, how it was done, with what, and what the words mean."""

from __future__ import annotations

from dataclasses import dataclass

from audit.records import Record, VerdictLabel
from audit.report.figures import Table
from audit.report.filters import count, duration, minute, number, percent
from audit.report.lint import LIMITS
from audit.report.lookup import Facts

LAB_LIMIT = (
    "Lab model: shows how the method works and compares protections; says nothing about your art under "
    "Stable Diffusion."
)

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("Base model", "The picture generator before it sees your work."),
    ("Condition", "What was done to the pictures before a model trained on them."),
    ("Held-out work", "A work of yours that no model trains on. Pictures are scored against these works."),
    ("LoRA", "A small add-on that teaches a picture generator something new, such as a style."),
    ("Paired training", "Trainings that share all that is drawn: works, order, noise. Only pixels differ."),
    ("Placebo", "Random noise as strong as the protection. A real protection should do better than that."),
    (
        "Protection index",
        "0 % means the model learned as much as from the originals. 100 % means it learned nothing. It can "
        "fall below 0 %, when the model learned more.",
    ),
    ("Range", "The values that fit the data (a confidence interval). A wide range means we know little."),
    ("Run", "One set of paired trainings. The count of runs decides how sure the answer can be."),
    ("Style score", "How near a picture comes to your held-out works. Higher is nearer."),
)

_NEXT: dict[VerdictLabel, tuple[str, ...]] = {
    "held": (
        "Test the files that are online now. Sites often shrink and re-save pictures.",
        "Test again when you update the tool, or when new ways around it are published.",
    ),
    "partly-held": (
        "Compare other settings or other tools on the same works.",
        "Test the files that are online now. Sites often shrink and re-save pictures.",
    ),
    "did-not-hold": (
        "Compare other settings or other tools on the same works.",
        "Look at the picture grid yourself. A score is one view, your eye is another.",
    ),
    "inconclusive": (
        "Run the test again with more trainings. The range gets narrower with each one.",
        "Add more works, if you have them.",
    ),
    "not-valid": (
        "Read the failed check above. It says what went wrong.",
        "Mend that, then run the test again. Finished steps are kept.",
    ),
    "exploratory": (
        "Run the full test, with at least as many trainings as a verdict needs.",
        "Until then, treat the number as a hint.",
    ),
}
_NEXT_ALWAYS = (
    "Keep this file together with the whole run folder, so that others can check it.",
    "If you plan to use it in a dispute, talk to a lawyer first. This report is a measurement for an expert "
    "to explain, and no legal advice.",
)

METHOD = (
    "We took your works and set some aside. No model saw those.",
    "Then we trained small add-ons for one picture generator. One add-on learned from your originals. "
    "Others learned from the protected pictures. All else was the same: the same works, the same order, the "
    "same noise.",
    "Each model then drew the same prompts from the same noise. We did this with the base model too, which "
    "never saw your art.",
    "A program scored how near each picture comes to the works we set aside. The score of the base model is "
    "the floor. The score of the model trained on originals is the other end.",
    "The protection index says where the protected model falls between the two. We repeat the whole thing "
    "with new draws, because trainings differ by chance. The range comes from these repeats, not from "
    "counting pictures.",
)


@dataclass(frozen=True)
class Appendix:
    limits: tuple[str, ...]
    next_steps: tuple[str, ...]
    method: tuple[str, ...]
    settings: tuple[Table, ...]
    rule: str
    integrity: Table
    hashes: tuple[Table, ...]
    environment: Table
    packages: Table
    glossary: tuple[tuple[str, str], ...]


def appendix(facts: Facts) -> Appendix:
    """Everything from the limits down to the glossary."""
    plan = facts.results.plan
    runs = count(plan.replicates, "paired training", "paired trainings")
    own = (
        f"This run used one base model, {runs} and {count(len(plan.works), 'work', 'works')}. Other models, "
        "settings or works can give another answer.",
    )
    lab = (LAB_LIMIT,) if plan.model.lab else ()
    return Appendix(
        limits=(*lab, *LIMITS, *own),
        next_steps=(*_NEXT[facts.verdict.label], *_NEXT_ALWAYS),
        method=METHOD,
        settings=_settings(facts),
        rule=_rule(facts),
        integrity=_integrity(facts),
        hashes=_hashes(facts),
        environment=_environment(facts),
        packages=Table("Packages", ("Package", "Version"), tuple(sorted(facts.results.provenance.packages.items()))),
        glossary=GLOSSARY,
    )


def _rule(facts: Facts) -> str:
    m = facts.results.plan.margins
    return (
        f"Fixed before the run: held if the low end of the range is above {percent(m.held)}; did not hold if "
        f"the high end is below {percent(m.did_not_hold)}; held only in part if the low end is above "
        f"{percent(m.partly)}; else not clear. With fewer than {m.min_replicates} paired trainings there is "
        f"no verdict. Ranges are at the {percent(m.level)} level. The whole audit takes the worst of its "
        "primary conditions."
    )


def _settings(facts: Facts) -> tuple[Table, ...]:
    plan = facts.results.plan
    model = plan.model
    general = (
        ("Preset", plan.preset),
        ("Base model", f"{model.name} ({model.family}, {model.prediction_type}, {model.resolution} px)"),
        ("Licence of the base model", model.licence or "not recorded"),
        ("Works", f"{sum(w.split == 'pool' for w in plan.works)} to train on, "
                  f"{sum(w.split == 'reference' for w in plan.works)} held out"),
        ("Paired trainings", str(plan.replicates)),
        ("Seed", str(plan.seed)),
        ("Style word in prompts", plan.trigger),
        ("Prompts", "; ".join(plan.prompts)),
        ("Metrics", ", ".join(f"{m} (primary)" if m == plan.primary_metric else m for m in plan.metrics)),
        ("Smallest learned share", percent(plan.margins.learned_share)),
        ("Smallest AUC", number(plan.margins.min_auc, digits=2)),
    )  # fmt: skip
    conditions = tuple(
        (
            facts.label(c.name),
            c.name,
            c.role,
            c.source,
            ", ".join(c.steps) or "none",
            "yes" if c.primary else "no",
        )
        for c in plan.conditions
    )
    return (
        Table("The plan", ("Setting", "Value"), general),
        Table("Conditions", ("In words", "Name", "Role", "Pictures from", "Treatments", "Primary"), conditions),
        Table("Training, the same for every cell", ("Setting", "Value"), _fields(plan.training)),
        Table("Making pictures, the same for every model", ("Setting", "Value"), _fields(plan.sampling)),
    )


def _fields(record: Record) -> tuple[tuple[str, str], ...]:
    return tuple((name.replace("_", " "), _plain(value)) for name, value in record)


def _plain(value: object) -> str:
    if value is None:
        return "off"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _integrity(facts: Facts) -> Table:
    results, p = facts.results, facts.results.provenance
    same = results.plan.digest() == p.plan_sha256
    return Table(
        "Digests (SHA-256) and times",
        ("What", "Value"),
        (
            ("Plan, fixed before the first training", p.plan_sha256),
            ("Plan inside these results", "the same" if same else f"differs: {results.plan.digest()}"),
            ("Results this page shows", results.digest()),
            ("Base model", results.plan.model.sha256),
            ("Started", minute(p.started)),
            ("Finished", minute(p.finished)),
            ("Time", "not independently attested: taken from the clock of the machine that ran the test"),
        ),
    )


def _hashes(facts: Facts) -> tuple[Table, ...]:
    results = facts.results
    protected = tuple((f.work, f.name, f.claimed_tool or "none", f.sha256) for f in results.plan.protected)
    adapters = tuple((facts.short(c.condition), str(c.replicate), c.adapter.sha256) for c in results.cells if c.adapter)
    tables = (
        Table(
            "Works as delivered",
            ("Work", "File name", "Use", "SHA-256"),
            tuple(
                (w.id, w.name, "held out" if w.split == "reference" else "training", w.sha256)
                for w in results.plan.works
            ),
        ),
        Table(
            "Protected files as delivered",
            ("Work", "File name", "Tool named in the file", "SHA-256"),
            protected,
        ),
        Table("Trained add-ons", ("Trained on", "Run", "SHA-256"), adapters),
        Table(
            "Metric weights",
            ("Metric", "SHA-256"),
            tuple((m.name, m.weights_sha256) for m in results.metrics),
        ),
    )
    return tuple(t for t in tables if t.rows)


def _environment(facts: Facts) -> Table:
    p = facts.results.provenance
    stages = "; ".join(f"{name} {duration(s)}" for name, s in p.stage_seconds.items())
    return Table(
        "Where and with what this ran",
        ("What", "Value"),
        (
            ("CloakCheck", facts.results.plan.tool_version),
            ("Commit", p.commit or "not recorded: not run from a checkout"),
            ("System", p.platform),
            ("Device", p.device),
            ("Python", p.python),
            ("Time taken", duration(p.seconds)),
            ("Time by stage", stages or "not recorded"),
            ("Steps", f"{p.steps_run} run, {p.steps_reused} reused from earlier"),
        ),
    )
