"""`cloakcheck reproduce`: run a bundle's plan again and say, per condition, whether its conclusion stands.

Pictures and weights differ between machines even from equal seeds; what must come again is the conclusion:
the same word, and an index inside the interval that the bundle states.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from audit.base.errors import BadEvidence, BadInput, BadModel
from audit.base.messages import Said, Value, render, say
from audit.base.progress import Progress
from audit.evidence.bag import read_text
from audit.evidence.verify import verify
from audit.images import pixels_digest
from audit.images.decoder import open_isolated
from audit.models.cards import LAB_OTHER
from audit.models.loader import describe, load, stated
from audit.plan.conditions import other_artist
from audit.plan.machine import make_engine, memory_budget, pick_device
from audit.plan.spec import Spec
from audit.records import ArtistSet, ModelFacts, Plan, Results
from audit.records.versions import read_record
from audit.runfolder import claim, provenance
from audit.stages.audit import carry_out
from audit.stages.prepare import declare_rights
from audit.store import Store, default_store

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp")


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


def reproduce(bundle: Path, spec: Spec, progress: Progress) -> tuple[tuple[Agreement, ...], Path]:
    """Run the bundle's plan in a folder of its own.

    Args:
        spec: where the works are (ignored for a bundle that holds them), model, surrogate, out, store, device; what
            is to be run stands in the bundle's plan. Of its controls only the folder of `other-artist` is looked at.

    Raises:
        BadEvidence: `bundle-unverified`. BadModel: `model-differs`. BadInput: `works-differ`, `out-missing`, and
        what a run raises.
    """
    begun = provenance.now(), time.monotonic()
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
    spec = spec.model_copy(update={"surrogate": surrogate})
    store = Store(spec.store or default_store())
    _bring_works(plan, data, spec, store, progress)
    budget = memory_budget(device, spec.memory)
    progress.stage(say("stage.load"), 2)
    model = load(spec.model, device=device, budget=budget, asked=stated(plan.model))
    progress.advance(1)
    claim(out, plan)
    artist = ArtistSet(artist=plan.artist, works=plan.works, protected=plan.protected, notes=before.notes)
    artist = declare_rights(artist, declared=spec.declare, out=out)
    engine = make_engine(
        model, store=store, progress=progress, training=plan.training, memory=spec.memory, plan=plan.digest()
    )
    progress.advance(1)
    progress.close()
    now = carry_out(spec, plan, artist, engine, out=out, begun=begun)
    return compare(before, now), out


def _same_model(what: str, wanted: ModelFacts, given: str | None, *, option: str) -> None:
    facts = describe(given, asked=stated(wanted)) if given else None
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
    asked = (data / "originals", data / "protected") if inside else (spec.originals, spec.protected)
    folders = [f for f in asked if f is not None and f.is_dir()]
    if spec.reference_artists is not None and spec.reference_artists.is_dir():
        folders += [f for f in sorted(spec.reference_artists.iterdir()) if f.is_dir()]
    if plan.other_works:
        given = other_artist(spec.control)
        folders += [LAB_OTHER, *([given[0]] if given and given[0] and given[0].is_dir() else [])]
    paths = [p for folder in folders for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES]
    progress.stage(say("stage.read"), len(paths))
    for done, path in enumerate(paths, start=1):
        pixels, _ = open_isolated(path)
        if pixels_digest(pixels) in wanted:
            wanted.discard(store.put_pixels(pixels))
        progress.update(done)
    progress.close()
    if wanted:
        raise BadInput("works-differ", count=len(wanted))


def compare(before: Results, now: Results) -> tuple[Agreement, ...]:
    """Hold the new figures against the intervals and words of the first run."""
    return tuple(_one(c.name, before, now) for c in before.plan.conditions if c.role != "clean")


def _one(condition: str, before: Results, now: Results) -> Agreement:
    metric = before.plan.primary_metric

    def index(results: Results) -> tuple[float | None, float | None, float | None]:
        for e in results.estimates:
            if (e.name, e.condition, e.metric) == ("protection_index", condition, metric):
                return e.value, e.low, e.high
        return None, None, None

    def label(results: Results) -> str:
        found = results.verdict.per_condition.get(condition) if results.verdict else None
        return found.label if found else "none"

    (_, low, high), (value, _, _) = index(before), index(now)
    if low is None or high is None or value is None:
        return Agreement(condition, None, say("reproduced.nothing", condition=condition))
    inside, then, today = low <= value <= high, label(before), label(now)
    same = then == today
    told = say("reproduced.word", word=then) if same else say("reproduced.other-word", then=then, now=today)
    id = "reproduced.inside" if inside else "reproduced.outside"
    said = say(id, condition=condition, value=value, low=low, high=high, word=told)
    return Agreement(condition, inside and same, said)
