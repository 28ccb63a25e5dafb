"""`cloakcheck reproduce`: run a bundle's plan again and say, per condition, whether its conclusion stands.

Pictures and weights differ between machines even from equal seeds; what must come again is the conclusion:
the same word, and an index inside the interval that the bundle states. Under a new seed, with other works held out,
other prompts and other training noise, two indices must be no further apart than their two intervals allow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from audit.base.errors import BadEvidence, BadInput, BadModel
from audit.base.messages import Said, Value, render, say
from audit.base.progress import Progress
from audit.base.rng import stream_seed
from audit.commands.bringing import artists_in, bring
from audit.evidence.bag import read_text
from audit.evidence.contents import copies_places
from audit.evidence.stamp import PLAN_CHAIN, PLAN_LIST, PLAN_REPLY
from audit.evidence.verify import verify
from audit.evidence.withdraw import owner_of
from audit.models.cards import LAB_OTHER
from audit.models.loader import describe, stated
from audit.plan.buckets import largest_shape
from audit.plan.conditions import other_artist
from audit.plan.devices import pick_device
from audit.plan.machine import load_pair, make_engine
from audit.plan.making import with_draws
from audit.plan.spec import Spec
from audit.records import ArtistSet, ModelFacts, Plan, Results
from audit.records.versions import read_record
from audit.runfolder import STAMPED_PLAN, claim, provenance
from audit.stages.audit import carry_out
from audit.stages.prepare import declare_rights
from audit.store import Store, default_store, write_atomic
from audit.store.owners import keep_owner


@dataclass(frozen=True)
class Agreement:
    """One condition, then and now.

    Attributes:
        stands: None when the bundle or the new run has no figure to compare.
        said: for people; shares of the protection index in percent.
    """

    condition: str
    stands: bool | None
    said: Said

    @property
    def sentence(self) -> str:
        return render(self.said)


def reproduce(
    bundle: Path, spec: Spec, progress: Progress, *, new_seed: bool = False
) -> tuple[tuple[Agreement, ...], Path]:
    """Run the bundle's plan in a folder of its own.

    Args:
        new_seed: whether everything is drawn anew from another seed, the one that follows from the plan's digest.
        spec: where the works are (ignored for a bundle that holds them), model, surrogate, out, store, device; what
            is to be run stands in the bundle's plan. Of its controls only the folder of `other-artist` is looked at.

    Raises:
        BadEvidence: `bundle-unverified`. BadModel: `model-differs`. BadInput: `works-differ`, `out-missing`,
        `new-seed-untold`, and what a run raises.
    """
    begun = provenance.begin()
    progress.stage(say("stage.verify"), 1)
    failed = [f for f in verify(bundle) if not f.passed]
    progress.advance(1)
    progress.close()
    if failed:
        raise BadEvidence("bundle-unverified", folder=bundle.absolute().name, check=failed[0].check, why=failed[0].said)
    if spec.out is None:
        raise BadInput("out-missing")
    data = bundle / "bag" / "data"
    plan = read_record(Plan, read_text(data / "plan.json"), name="plan.json")
    before = read_record(Results, read_text(data / "results.json"), name="results.json")
    if new_seed:
        plan = anew(plan)
    out, device = spec.out, pick_device(spec.device)
    progress.stage(say("stage.open"), 1 if plan.surrogate is None else 2)
    _same_model("model-role.base", plan.model, spec.model, option="--model")
    progress.advance(1)
    # Without one in the plan, attacks were made against the base model; one given here would change them.
    surrogate = None
    if plan.surrogate is not None:
        surrogate = spec.surrogate
        _same_model("model-role.surrogate", plan.surrogate, surrogate, option="--surrogate")
        progress.advance(1)
    progress.close()
    sibling = None
    if plan.drawn_with is not None:
        sibling = spec.draw_with
        _same_model("model-role.drawing", plan.drawn_with, sibling, option="--draw-with")
    spec = spec.model_copy(update={"surrogate": surrogate, "draw_with": sibling})
    store = Store(spec.store or default_store(), reuse=not spec.no_reuse)
    _bring_works(plan, data, spec, store, progress)
    progress.stage(say("stage.load"), 2)
    model, drawing = load_pair(
        spec.model,
        sibling,
        device=device,
        memory=spec.memory,
        asked=stated(plan.model),
        skip=plan.model.clip_skip,
    )
    progress.advance(1)
    claim(out, plan)
    if plan.seed_source == "stamp":
        _bring_stamp(data, out)
    keep_owner(store.root, owner_of(plan, out))
    artist = ArtistSet(artist=plan.artist, works=plan.works, protected=plan.protected, notes=before.notes)
    artist = declare_rights(artist, declared=spec.declare, out=out)
    engine = make_engine(
        model,
        store=store,
        progress=progress,
        training=plan.training,
        shape=largest_shape(plan),
        memory=spec.memory,
        plan=plan.digest(),
        drawing=drawing,
    )
    progress.advance(1)
    progress.close()
    now = carry_out(spec, plan, artist, engine, out=out, begun=begun)
    return compare(before, now, new_seed=new_seed), out


def _bring_stamp(data: Path, out: Path) -> None:
    """What gave the plan its seed goes with the plan."""
    for name in (STAMPED_PLAN, "plan.tsq", PLAN_REPLY, PLAN_CHAIN, PLAN_LIST):
        if (data / name).is_file():
            write_atomic(out / name, read_text(data / name))


def anew(plan: Plan) -> Plan:
    """The plan under another seed, with the draws that follow from it.

    Raises:
        BadInput: `new-seed-untold`, the plan does not tell which works look alike.
    """
    seed = stream_seed("cloakcheck", plan.digest(), "another seed")
    other = plan.model_copy(update={"seed": seed, "seed_source": "given"})
    if not plan.draws:
        return other
    if plan.alike is None:
        raise BadInput("new-seed-untold")
    return with_draws(other, seed=seed, asked=len(plan.draws[0].prompts))


def _same_model(what: str, wanted: ModelFacts, given: str | None, *, option: str) -> None:
    facts = describe(given, asked=stated(wanted), skip=wanted.clip_skip) if given else None
    if facts is not None and facts.sha256 == wanted.sha256:
        return
    asked: dict[str, Value] = {"what": say(what), "wanted": wanted.sha256[:16], "option": option}
    if facts is None:
        raise BadModel("model-differs.none", **asked)
    raise BadModel("model-differs", name=facts.name, seen=facts.sha256[:16], **asked)


def _bring_works(plan: Plan, data: Path, spec: Spec, store: Store, progress: Progress) -> None:
    """Put the plan's pictures into the store, found by their pixels, whatever the files are called."""
    wanted = {w.pixels for w in plan.works} | {f.pixels for f in plan.protected}
    # Encoders are tested on them, and no bundle holds other artists' pictures.
    wanted |= {d for a in plan.reference_artists for d in a.pixels if not store.blob_path(d).exists()}
    wanted |= {w.pixels for w in plan.other_works if not store.blob_path(w.pixels).exists()}
    inside = (data / "originals").is_dir()
    protected = [data / place for place in copies_places(plan).values()] if inside else [*spec.protected.values()]
    folders = [f for f in (data / "originals" if inside else spec.originals, *protected) if f.is_dir()]
    folders += artists_in(spec.reference_artists)
    if plan.other_works:
        given = other_artist(spec.control)
        folders += [LAB_OTHER, *([given[0]] if given and given[0] and given[0].is_dir() else [])]
    wanted = bring(wanted, folders, store, progress)
    if wanted:
        raise BadInput("works-differ", count=len(wanted))


def compare(before: Results, now: Results, *, new_seed: bool = False) -> tuple[Agreement, ...]:
    """Hold the new figures against the intervals and words of the first run.

    Args:
        new_seed: whether the two runs share no draws; then intervals are held against each other, and words are told.
    """
    return tuple(_one(c.name, before, now, new_seed=new_seed) for c in before.plan.conditions if c.role != "clean")


def _one(condition: str, before: Results, now: Results, *, new_seed: bool) -> Agreement:
    metric = before.plan.primary_metric

    def index(results: Results) -> tuple[float | None, float | None, float | None]:
        for e in results.estimates:
            if (e.name, e.condition, e.metric) == ("protection_index", condition, metric):
                return e.value, e.low, e.high
        return None, None, None

    def label(results: Results) -> str:
        found = results.verdict.per_condition.get(condition) if results.verdict else None
        return found.label if found else "none"

    (stated, low, high), (value, lowest, highest) = index(before), index(now)
    if stated is None or low is None or high is None or value is None:
        return Agreement(condition, None, say("reproduced.nothing", condition=condition))
    inside, then, today = low <= value <= high, label(before), label(now)
    same = then == today
    told = say("reproduced.word", word=then) if same else say("reproduced.other-word", then=then, now=today)
    if new_seed:
        if lowest is None or highest is None:
            return Agreement(condition, None, say("reproduced.nothing", condition=condition))
        # Half-widths of independent estimates add in squares.
        allowed = math.hypot(high - low, highest - lowest) / 2
        compatible = abs(value - stated) <= allowed
        two: dict[str, Value] = {"first": stated, "value": value, "apart": abs(value - stated), "allowed": allowed}
        two |= {"low": low, "high": high, "lowest": lowest, "highest": highest}
        id = "reproduced.compatible" if compatible else "reproduced.incompatible"
        return Agreement(condition, compatible, say(id, condition=condition, word=told, **two))
    id = "reproduced.inside" if inside else "reproduced.outside"
    said = say(id, condition=condition, value=value, low=low, high=high, word=told)
    return Agreement(condition, inside and same, said)
