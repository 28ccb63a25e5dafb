"""From a spec and the collected works to the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from audit import __version__
from audit.base.errors import BadInput
from audit.base.messages import say
from audit.base.text import printable
from audit.collect.names import NIGHTSHADE
from audit.conditions import parse_chain, parse_step, recipes
from audit.judge.rules import refuse_loosened
from audit.plan.buckets import crop_of, make_buckets
from audit.plan.conditions import arm_condition, make_conditions, tries_battery, without_treatment
from audit.plan.draws import draw_replicates
from audit.plan.grids import make_grid
from audit.plan.prompts import PROMPTS, check_prompts, choose_prompts, prompt_list_of
from audit.plan.settings import protect_settings, sampling_settings, training_preset, training_settings
from audit.plan.spec import Spec
from audit.records import ArtistSet, Condition, Hypothesis, Margins, ModelFacts, Plan, ReferenceArtist, Stopping, Work
from audit.records.seeding import derived_seed
from audit.records.works import NEUTRAL_CAPTION
from audit.store import Store
from audit.style import DEFAULT_ENCODER, ENCODERS, style_metric
from audit.style.choice import check_metric, pick_metrics
from audit.style.subject import reader_folder

TRIGGER = "nulevoy"
"""A made-up word with no meaning to any base model; the artist's name would bring in what it knows."""
REPLICATES = {"quick": 2, "standard": 6, "court": 12}
UNTIL_DECIDED = 12
"""Budget of `--until-decided` where `--replicates` names none."""
MOST_CONCEPTS = 12
"""Subjects of works that models are asked for where subjects are read."""


def check_names(spec: Spec) -> None:
    """Find a mistyped option before any picture is read.

    Raises:
        BadInput: an unknown metric, treatment or argument, prompts that cannot be read, no protection at all,
            a grid that this audit cannot have, or rules looser than the tool's own (`margin-loosened`).
    """
    check_metric(spec.primary_metric)
    refuse_loosened(spec.margins)
    tries_battery(spec)
    check_prompts(spec)
    for arm in spec.protected:
        arm_condition(arm)
    if not spec.protected and not spec.protect and not spec.planted_only:
        raise BadInput("nothing-to-test")
    for text in spec.protect:
        parse_step(text)
    for text in spec.against:
        parse_chain(text)
    for text in spec.control:
        if without_treatment(text) is None:
            parse_step(text)
    make_grid(spec, training_settings(spec, lab=True), lab=True)
    sampling_settings(spec, lab=True, family="")
    protect_settings(spec)


def make_plan(
    spec: Spec,
    *,
    artist: ArtistSet,
    model: ModelFacts,
    store: Store,
    surrogate: ModelFacts | None = None,
    drawn_with: ModelFacts | None = None,
    other_works: tuple[Work, ...] = (),
    references: tuple[ReferenceArtist, ...] = (),
) -> Plan:
    """Fix everything before training; `references` are the reference artists that the user gave, if any.

    Raises:
        BadInput: an option that names something unknown, or prompts that cannot be used.
    """
    conditions = make_conditions(spec, artist=artist, store=store)
    replicates = spec.replicates or (UNTIL_DECIDED if spec.until_decided else REPLICATES[spec.preset])
    prompts, training = (
        choose_prompts(spec, artist, lab=model.lab),
        training_settings(spec, lab=model.lab, family=model.family),
    )
    protection = protect_settings(spec)
    metrics, crop = metrics_of(spec, lab=model.lab), crop_of(spec, model)
    plan = Plan(
        tool_version=__version__,
        artist=printable(spec.artist, limit=80).strip(),
        preset=spec.preset,
        model=_planned(model),
        works=artist.works,
        alike=artist.alike,
        protected=artist.protected,
        conditions=conditions,
        replicates=replicates,
        seed=spec.seed or 0,
        seed_source="plan" if spec.seed is None else "given",
        trigger=TRIGGER,
        prompts=prompts,
        prompt_list=prompt_list_of(spec, artist, prompts, lab=model.lab),
        concepts=concepts_of(spec, artist, lab=model.lab),
        metrics=metrics,
        primary_metric=metrics[0],
        training=training,
        training_preset=training_preset(spec, lab=model.lab, family=model.family),
        sampling=sampling_settings(spec, lab=model.lab, family=model.family, distilled=(drawn_with or model).distilled),
        margins=spec.margins,
        reference_artists=references,
        hypotheses=hypotheses(conditions, metric=metrics[0], margins=spec.margins),
        metric_weights={name: style_metric(name).digest() for name in metrics},
        stopping=Stopping(rule="until-decided", first_look=spec.margins.min_replicates)
        if spec.until_decided
        else Stopping(),
        surrogate=surrogate and _planned(surrogate),
        drawn_with=drawn_with and _planned(drawn_with),
        other_works=other_works,
        protection=protection,
        recipes=recipes(conditions, surrogate=surrogate or model, asked=protection),
        grid=make_grid(spec, training, lab=model.lab),
        crop=crop,
        buckets=make_buckets(artist.works, model) if crop == "buckets" else (),
    )
    return with_draws(plan, seed=derived_seed(plan) if spec.seed is None else spec.seed, asked=PROMPTS[plan.preset])


def _planned(facts: ModelFacts) -> ModelFacts:
    """A model as a plan states it: what its buckets were made from stands in these."""
    return facts.model_copy(update={"multiple": 0})


def with_draws(plan: Plan, *, seed: int, asked: int) -> Plan:
    """The plan under a seed, with what every replicate draws from it.

    Args:
        asked: how many prompts a replicate draws.
    """
    seeded = plan.model_copy(update={"seed": seed})
    return seeded.model_copy(update={"draws": draw_replicates(seeded, asked=asked)})


def metrics_of(spec: Spec, *, lab: bool) -> tuple[str, ...]:
    """The metrics of an audit, the deciding one first.

    Raises:
        BadInput: `metric-unknown`, `references-needed`. BadModel: `encoder-missing`.
    """
    return pick_metrics(spec.primary_metric, lab=lab, references=spec.reference_artists is not None)


def concepts_of(spec: Spec, artist: ArtistSet, *, lab: bool) -> tuple[str, ...]:
    """Subjects of works to ask every model for, the commonest first; () where subjects are not read.

    They are read when asked for, and for files that Nightshade named if a CLIP to read them with is there.

    Raises:
        BadModel: `encoder-missing`, when they were asked for.
    """
    nightshade = any(NIGHTSHADE in file.claimed_tools for file in artist.protected)
    if not spec.subjects and not (nightshade and (lab or ENCODERS[DEFAULT_ENCODER].present())):
        return ()
    reader_folder(lab=lab)
    counted = Counter(work.caption for work in artist.works if work.caption != NEUTRAL_CAPTION)
    return tuple(caption for caption, _ in counted.most_common(MOST_CONCEPTS))


def hypotheses(conditions: Sequence[Condition], *, metric: str, margins: Margins) -> tuple[Hypothesis, ...]:
    """What is tested of each primary condition: together the primary family."""
    limits = {"held": margins.held, "least": margins.did_not_hold, "partly": margins.partly, "level": margins.level}
    return tuple(
        Hypothesis(condition=c.name, said=say("hypothesis", name=c.name, metric=metric, **limits))
        for c in conditions
        if c.primary
    )


def interim_analyses(plan: Plan) -> list[range]:
    """Replicates to run before each interim analysis: all at once, or the first few and then one by one."""
    first = min(plan.stopping.first_look, plan.replicates)
    if plan.stopping.rule == "fixed":
        first = plan.replicates
    return [range(1, first + 1), *(range(r, r + 1) for r in range(first + 1, plan.replicates + 1))]
