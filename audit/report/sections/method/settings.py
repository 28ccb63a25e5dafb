"""Tables of everything that the plan fixed."""

from __future__ import annotations

from audit.base.messages import Said, Value, catalogue, say
from audit.records import ModelFacts, Plan, PromptList, Record
from audit.report.estimates import named
from audit.report.locale import ReportLocale, Spoken, short
from audit.report.results_view import ResultsView
from audit.report.sections.sure.grid import setting_words
from audit.report.table import Table


def settings(view: ResultsView) -> tuple[Table, ...]:
    """The plan, what is tested, conditions, treatments, training and sampling."""
    loc, plan = view.locale, view.results.plan
    model, value = plan.model, (loc.say("Setting"), loc.say("Value"))
    general = (
        (loc.say("Preset"), plan.preset),
        (loc.say("Base model"), f"{model.name} ({model.family}, {model.prediction_type}, {model.resolution} px)"),
        *(() if (by := plan.drawn_with) is None else ((loc.say("Model that draws"), f"{by.name} ({by.family})"),)),
        (loc.say("What the base model predicts"), _prediction(loc, model)),
        *(((loc.say("Clip skip"), str(model.clip_skip)),) if model.clip_skip != 1 else ()),
        (
            loc.say("Licence of the base model"),
            model.licence or (loc.say("as this program, Apache-2.0") if model.lab else loc.say("not recorded")),
        ),
        (loc.say("Works"), _works(loc, plan)),
        (loc.say("Seen of a work"), _seen(loc, plan)),
        (loc.say("Paired trainings"), str(plan.replicates)),
        (loc.say("Seed"), _seed(loc, plan)),
        (loc.say("Style word in prompts"), plan.trigger),
        (loc.say("Prompts"), "; ".join(plan.prompts)),
        *(() if plan.prompt_list is None else ((loc.say("Prompts from"), _list(loc, plan.prompt_list)),)),
        (loc.say("Prompts of every run"), _prompts(loc, plan)),
        (
            loc.say("Metrics"),
            ", ".join(loc.say("{metric} (primary)", metric=m) if m == plan.primary_metric else m for m in plan.metrics),
        ),
        (
            loc.say("Settings that a mimic chooses from"),
            "; ".join(setting_words(loc, setting) for setting in plan.grid.settings),
        ),
        (loc.say("Smallest learned share"), loc.percent(plan.margins.learned_share)),
        (loc.say("Smallest AUC"), loc.number(plan.margins.min_auc, digits=2)),
    )
    conditions = tuple(
        (
            view.label(c.name),
            c.name,
            c.role,
            c.source,
            ", ".join(c.steps) or loc.say("none"),
            loc.say("yes") if c.primary else loc.say("no"),
        )
        for c in plan.conditions
    )
    head = (
        loc.say("In words"),
        loc.say("Name"),
        loc.say("Role"),
        loc.say("Pictures from"),
        loc.say("Treatments"),
        loc.say("Primary"),
    )
    rules: tuple[tuple[str | Spoken, ...], ...] = (
        *((loc.say("Tested"), loc.spoken(h.said)) for h in plan.hypotheses),
        *_fields(loc, plan.margins),
        *_fields(loc, plan.exclusion),
        *_fields(loc, plan.stopping),
    )
    return (
        Table(loc.say("The plan"), value, general),
        Table(loc.say("What is tested, and the margins and rules for it, as in the plan file"), value, rules),
        Table(loc.say("Conditions"), head, conditions),
        *_recipes(view),
        *_draws(loc, plan),
        Table(loc.say("Training as usual, the same for every cell"), value, _fields(loc, plan.training)),
        Table(loc.say("Making pictures, the same for every model"), value, _fields(loc, plan.sampling)),
    )


def _seen(loc: ReportLocale, plan: Plan) -> str:
    """What training and scores see of a work."""
    square = loc.say("the middle square, resized to {side} px", side=plan.model.resolution)
    if not plan.buckets:
        return square
    shapes = "; ".join(f"{bucket.width} × {bucket.height} ({len(bucket.works)})" for bucket in plan.buckets)
    return loc.say(
        "in training, cut to the nearest of these shapes: {shapes}; in scores, {square}", shapes=shapes, square=square
    )


def _prediction(loc: ReportLocale, model: ModelFacts) -> str:
    """What the base model was taken to predict, and where that was read."""
    if not model.prediction_source and model.prediction_type != "flow":
        return loc.say("{kind} (where that was read is not recorded)", kind=model.prediction_type)
    source = say(f"read-in.{model.prediction_source or 'family-alone'}")
    return loc.say("{kind} ({source})", kind=model.prediction_type, source=loc.render(source))


def _recipes(view: ResultsView) -> tuple[Table, ...]:
    """How every treatment was made, and what those that optimise achieved; both as they were recorded."""
    loc, plan, none = view.locale, view.results.plan, view.locale.say("none")
    recipes = tuple(
        (
            r.step,
            loc.spoken(r.follows),
            loc.spoken(r.usual) if r.usual else loc.say("not recorded"),
            loc.spoken(say("settings.row", parts=[_setting(name, said) for name, said in r.fixed.items()]))
            if r.fixed
            else none,
        )
        for r in plan.recipes
    )
    made = (loc.say("Treatment"), loc.say("Method by"), loc.say("Published settings"), loc.say("Settings here"))
    reached = tuple(
        (
            view.short(r.condition), r.step, loc.spoken(r.said), loc.number(r.first), loc.number(r.last), str(r.works)
        )
        for r in view.readings.reached
    )  # fmt: skip
    head = (
        loc.say("Condition"), loc.say("Treatment"), loc.say("What is measured"), loc.say("Before, middle value"),
        loc.say("After it, middle value"), loc.say("Works"),
    )  # fmt: skip
    tables = (
        Table(loc.say("How the treatments were made, in the words of the plan file"), made, recipes),
        Table(loc.say("What the treatments achieved"), head, reached),
    )
    return tuple(t for t in tables if t.rows)


def _works(loc: ReportLocale, plan: Plan) -> str:
    """What becomes of the works; where runs draw, of the first run's, whose numbers the others' are near to."""
    held_out, pool = len(plan.held_out(1)), len(plan.pool(1))
    if not plan.draws:
        return loc.say("{pool} to train on, {held_out} held out", pool=pool, held_out=held_out)
    return loc.say(
        "{all}; every run draws its own: about {held_out} held out, {trained} of the others trained on",
        all=len(plan.works), held_out=held_out, trained=len(plan.draws[0].trained),
    )  # fmt: skip


def _seed(loc: ReportLocale, plan: Plan) -> str:
    if plan.seed_source == "given":
        return loc.say("{seed}, chosen by whoever ran this", seed=str(plan.seed))
    if plan.seed_source == "plan":
        return loc.say("{seed}, which follows from the plan", seed=str(plan.seed))
    if plan.seed_source == "stamp":
        return loc.say("{seed}, which follows from the plan's time stamp", seed=str(plan.seed))
    return str(plan.seed)


def _list(loc: ReportLocale, source: PromptList) -> str:
    told: dict[str, Value] = {"n": source.listed, "digest": short(source.sha256), "shared": source.shared}
    if not source.name:
        return loc.say(
            "a file given by whoever ran this ({n} subjects, canonical digest {digest}); {shared} share a word with "
            "a caption",
            **told,
        )
    return loc.say(
        "the list '{name}' ({n} subjects, canonical digest {digest}); of those taken, {shared} share a word with "
        "a caption",
        name=source.name, **told,
    )  # fmt: skip


def _prompts(loc: ReportLocale, plan: Plan) -> str:
    asked, listed = len(plan.asked(1)), len(plan.prompts)
    if asked == listed:
        return loc.say("all of these, the same in every run")
    return loc.say("{asked} of these {all}, drawn anew", asked=asked, all=listed)


def _draws(loc: ReportLocale, plan: Plan) -> tuple[Table, ...]:
    """What every run drew before any training."""
    if not plan.draws:
        return ()
    again = any(draw.trained_again for draw in plan.draws)
    head = [loc.say("Run"), loc.say("Held out"), loc.say("Trained on")]
    head += [loc.say("Trained on again"), loc.say("Prompts, by place")] if again else [loc.say("Prompts, by place")]
    rows = []
    for draw in plan.draws:
        drawn = [draw.held_out, draw.trained, *([draw.trained_again] if again else [])]
        places = [str(place + 1) for place in draw.prompts]
        rows.append((str(draw.replicate), *(", ".join(names) for names in (*drawn, places))))
    return (Table(loc.say("What every run drew, before any training"), tuple(head), tuple(rows)),)


def _setting(name: str, said: Said) -> Said:
    id = f"setting.{name.replace(' ', '_')}"
    return say("settings.one", name=say(id) if id in catalogue() else name, value=said)


def _fields(loc: ReportLocale, record: Record) -> tuple[tuple[str, str], ...]:
    """Settings by name, with their values as they stand in the plan file."""
    return tuple((named(loc, "setting", name), _plain(loc, value)) for name, value in record)


def _plain(loc: ReportLocale, value: object) -> str:
    if value is None:
        return loc.say("off")
    if isinstance(value, bool):
        return loc.say("yes") if value else loc.say("no")
    return f"{value:g}" if isinstance(value, float) else str(value)
