"""The checks of `verify` that make a bundle's parts again: what plan and results give must be what lies there.

A seal says only that nothing changed since somebody sealed it. These checks ask whether the sealed files follow from
the plan, the results and the pictures, so that sealing edited files again with another key is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import get_args

from audit import __version__
from audit.base.errors import BadInput, BadModel
from audit.base.files import file_digest
from audit.base.messages import Said, say
from audit.collect.folders import PICTURE_SUFFIXES
from audit.evidence import bag, bundle, cells, first, forms, history, layout, pages, wheel
from audit.evidence.bag import SIZE
from audit.evidence.contents import copies_places, earlier_text, read_withheld
from audit.evidence.sealed import WEIGHTS, Fails, NotDerived, Sealed
from audit.evidence.start import start_page
from audit.images import Ground, pixels_digest
from audit.images.decoder import open_isolated
from audit.judge import judge
from audit.judge.calibration import setup_digest
from audit.judge.people.sheet import make_sheet
from audit.judge.rejudged import first_difference, first_other_answer
from audit.models.headers import read_header
from audit.plan.draws import draw_replicates
from audit.records import SCHEMA_VERSION, Plan
from audit.records.seeding import derived_seed, seedless_text, stamped_seed
from audit.records.versions import read_record
from audit.report.page import FILES
from audit.runfolder import RATINGS, STAMPED_PLAN
from audit.runfolder.event_log import JUDGED, RATED, RATING_PAGE


def check_contents(at: Sealed) -> Said:
    """The payload is the list that plan and results imply; every cell stands in it once."""
    made = at.implied
    wanted, optional = set(made.files), {"c2pa-root.pem"}
    if at.profile != "minimal":
        # Left out where the code at hand was not the run's.
        optional |= {name for name in at.payload if wheel.NAMED.fullmatch(name)}
    if not at.made_here:
        optional |= {"results.schema.json"}
    if not at.results.plan.model.lab:
        wanted.discard("lab-model-card.md")
    for id, names in (("derived.missing", wanted - at.payload), ("derived.extra", at.payload - wanted - optional)):
        if names:
            raise Fails(id, count=len(names), file=min(names))
    if read_withheld(at.read("bag/data/withheld.json")) != made.withheld:
        raise Fails("derived.other", file="withheld.json", version=__version__)
    return say("derived.contents", count=len(at.payload))


def check_people(at: Sealed) -> Said:
    """People saw the page that follows from the results, and the log tells of it and of these answers."""
    ratings = at.results.ratings
    if ratings is None:
        return say("derived.no-people")
    at.must_be_unaltered()
    sheet = ratings.sheet
    if sheet.digest() not in {e.get("sheet") for e in at.events if e["event"] == RATING_PAGE}:
        raise Fails("derived.people-page")
    told = [e.get("sha256") for e in at.events if e["event"] == RATED]
    if not told or told[-1] != file_digest(at.data / RATINGS):
        raise Fails("derived.people-log")
    pairs = sum(item.kind == "pair" for item in sheet.items)
    if make_sheet(at.results, condition=sheet.condition, raters=sheet.raters, items=pairs) != sheet:
        raise Fails("derived.people-page")
    raise NotDerived("derived.people", count=len(ratings.raters))


def check_calibration(at: Sealed) -> Said:
    """The card of error rates is one of this very setup."""
    card = at.results.calibration
    if card is None:
        return say("derived.no-card")
    if card.setup != setup_digest(at.results.plan) or card.model_sha256 != at.results.plan.model.sha256:
        raise Fails("derived.other-card")
    raise NotDerived("derived.card", digest=card.digest(), audits=card.audits)


def check_works(at: Sealed) -> Said:
    """The artist's own files are the pictures that the plan names, and add-ons are files of weights."""
    at.must_be_unaltered()
    for name in sorted(n for n in at.payload if WEIGHTS.fullmatch(n)):
        try:
            read_header(at.data / name)
        except BadModel as error:
            if not at.made_here:
                raise NotDerived("derived.other-version", file=name, version=__version__) from error
            raise Fails("derived.weights", file=name) from error
    plan, count = at.results.plan, 0
    named = {("originals", w.id): (w.pixels, w.sha256) for w in plan.works}
    for arm, place in copies_places(plan).items():
        named |= {(place, f.work): (f.pixels, f.sha256) for f in plan.copies(arm)}
    for path in sorted(at.data / n for n in at.payload if n.startswith(("originals/", "protected/"))):
        pixels, whole = named.get((path.parent.relative_to(at.data).as_posix(), path.stem), ("", ""))
        # HEIC needs an extra; without it the file's own bytes are held against the plan.
        same = pixels in _shown(path) if path.suffix.lower() in PICTURE_SUFFIXES else file_digest(path) == whole
        if not same:
            if not at.made_here:
                raise NotDerived("derived.other-version", file=path.name, version=__version__)
            raise Fails("derived.work", file=path.name)
        count += 1
    if not count:
        return say("derived.no-works")
    return say("derived.works", count=count)


def _shown(path: Path) -> Iterator[str]:
    """Digests of a picture's pixels, on each ground that a transparent work may have been filled with."""
    for ground in get_args(Ground):
        try:
            yield pixels_digest(open_isolated(path, ground=ground)[0])
        except BadInput:
            return


def check_made(at: Sealed) -> Said:
    """Files that follow from plan and results byte for byte: lists of models, add-ons and packages, the schema."""
    made = at.implied
    checked = [n for n, data in made.files.items() if isinstance(data, bytes) and n not in FILES.values()]
    # Models' card is a file of the package; what follows from other bytes is looked at elsewhere.
    checked += [n for n in ("lab-model-card.md",) if n in made.files]
    for name in sorted(checked):
        data = made.files[name]
        data = data if isinstance(data, bytes) else bag.read_text(data)
        if at.read(f"bag/data/{name}") not in (data, earlier_text(name, data)):
            if not at.made_here:
                raise NotDerived("derived.other-version", file=name, version=__version__)
            raise Fails("derived.other", file=name, version=__version__)
    return say("derived.made", count=len(checked))


def check_judgement(at: Sealed) -> Said:
    """Estimates, checks, verdict and readings follow from the scores."""
    at.must_be_unaltered()
    stated = at.results
    if stated.verdict is None:
        raise Fails("derived.not-judged")
    again = judge(stated)
    assert again.verdict is not None
    today = stated.schema_version == SCHEMA_VERSION
    place = first_difference(stated, again) if today else first_other_answer(stated, again)
    if place is None:
        return say("derived.judgement")
    versions = [str(e.get("tool_version", "")) for e in at.events if e["event"] == JUDGED]
    elsewhere = bool(versions and versions[-1]) and versions[-1] != __version__
    words = {"stated": stated.verdict.label, "found": again.verdict.label}
    if today and not elsewhere:
        raise Fails("derived.other-judgement", place=place, **words)
    raise NotDerived("derived.other-rules", place=place, version=__version__, **words)


def check_seed(at: Sealed) -> Said:
    """The seed follows from the plan, where the plan says so."""
    plan = at.results.plan
    seed = str(plan.seed)
    if not plan.seed_source:
        raise NotDerived("derived.seed-untold")
    if (plan.seed_source == "stamp") != (STAMPED_PLAN in at.payload):
        raise Fails("derived.seed-unstamped", seed=seed)
    if plan.seed_source == "given":
        return say("derived.seed-given", seed=seed)
    if plan.seed_source == "stamp":
        return _check_stamped_seed(at)
    if plan.seed != derived_seed(plan):
        raise Fails("derived.seed-other", seed=seed)
    # A run takes its seed from a stamp that it finds. Who put the stamp aside meanwhile had two seeds to choose from.
    if at.made_here and at.plan_token() is not None:
        raise Fails("derived.seed-beside-stamp", seed=seed)
    return say("derived.seed", seed=seed)


def _check_stamped_seed(at: Sealed) -> Said:
    """The seed follows from the stamp over a plan that is this one but for its seed and what follows from that."""
    plan, seed, token = at.results.plan, str(at.results.plan.seed), at.plan_token()
    stamped = read_record(Plan, at.stamped_plan, name=STAMPED_PLAN)
    if token is None or plan.seed != stamped_seed(token.content):
        raise Fails("derived.seed-unstamped", seed=seed)
    if seedless_text(stamped) != seedless_text(plan) or stamped.seed != derived_seed(stamped):
        raise Fails("derived.seed-other-plan", seed=seed)
    return say("derived.seed-stamp", seed=seed, digest=stamped.digest())


def check_draws(at: Sealed) -> Said:
    """Held-out works, works trained on and prompts of every replicate follow from seed and plan."""
    plan = at.results.plan
    if not plan.draws or plan.alike is None:
        raise NotDerived("derived.draws-untold")
    again = draw_replicates(plan, asked=len(plan.draws[0].prompts))
    if again != plan.draws:
        if not at.made_here:
            raise NotDerived("derived.other-version", file="plan.json", version=__version__)
        other = next((a.replicate for a, b in zip(again, plan.draws, strict=False) if a != b), len(again))
        raise Fails("derived.draws-other", replicate=other)
    return say("derived.draws", count=len(again))


def check_reports(at: Sealed) -> Said:
    """The pages are what these results and pictures give, in the language they are in."""
    made = at.implied
    names = [name for name in FILES.values() if name in made.files]
    for name in names:
        page = made.files[name]
        assert isinstance(page, bytes)
        if not pages.same_page(at.read(f"bag/data/{name}"), page):
            if not at.made_here:
                raise NotDerived("derived.other-version", file=name, version=__version__)
            raise Fails("derived.other", file=name, version=__version__)
    return say("derived.reports", names=names)


def check_forms(at: Sealed) -> Said:
    """VERIFY.txt, both forms and the bag's own description are those of this run."""
    source = at.source({})
    payload = at.payload
    files, size = len(payload) + len(bag.TAG_FILES) + 1, sum((at.data / name).stat().st_size for name in payload)
    signer, seal = bag.digest(at.read(layout.SIGNER)), bag.digest(at.seal)
    verify = forms.verify_text(source, files=files, signer=signer, profile=at.profile)
    begin = start_page(source, at.implied, signer=signer, profile=at.profile)
    adapters, made = at.adapters, at.info.get(layout.LABEL_MADE, "")
    if at.made_here and not _made_when(at, made):
        raise Fails("derived.made-when", made=made)
    texts: dict[str, Callable[[str], bytes]] = {
        layout.CERTIFICATION: lambda sealed: forms.certification_text(
            at.results, tagmanifest=sealed, signer=signer, profile=at.profile, fate=adapters.fate
        ),
        layout.CUSTODY: lambda sealed: forms.custody_text(
            at.results, tagmanifest=sealed, files=files, size=size, made=made
        ),
    }
    wanted = {layout.VERIFY: verify, layout.START: begin} | {name: text(seal) for name, text in texts.items()}
    blank = {
        layout.LABEL_VERIFY: verify,
        layout.LABEL_START: begin,
        layout.LABEL_CERTIFICATION: texts[layout.CERTIFICATION](layout.BLANK),
        layout.LABEL_CUSTODY: texts[layout.CUSTODY](layout.BLANK),
    }
    lines = bundle.bag_info(at.results.plan.digest(), made=made, profile=at.profile, signer=signer, texts=blank)
    wanted[f"bag/{bag.INFO}"] = bag.info_text([*lines, (SIZE, f"{size}.{len(payload)}")])
    for name, text in wanted.items():
        if at.read(name) != text:
            if not at.made_here:
                raise NotDerived("derived.other-version", file=name, version=__version__)
            raise Fails("derived.other", file=name, version=__version__)
    return say("derived.forms", names=tuple(wanted))


def _made_when(at: Sealed, stated: str) -> bool:
    """Whether a bundle's own time is one, not before the last entry of its log and not after its stamp."""
    made, token = first.moment(stated), at.token()
    if made is None or stated != f"{made.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}":
        return False
    last = first.moment(at.events[-1].get("time")) if at.events else None
    early = last is not None and made < last - first.TOLERANCE
    return not early and (token is None or made <= token.time + first.TOLERANCE)


def check_code(at: Sealed) -> Said:
    """The code wheel holds the files that environment.json names, and no others."""
    at.must_be_unaltered()
    found = [name for name in at.payload if wheel.NAMED.fullmatch(name)]
    if not found:
        raise NotDerived("derived.no-code")
    if at.environment is None or len(found) > 1:
        raise Fails("derived.code", why=say("derived.code-unnamed"))
    why = wheel.differs(at.data / found[0], at.environment.code)
    if why is not None:
        raise Fails("derived.code", why=why)
    if wheel.is_this_code(at.environment.code) and wheel.described_otherwise(at.data / found[0]):
        raise NotDerived("derived.code-about", file=found[0])
    if not wheel.is_this_code(at.environment.code):
        raise NotDerived("derived.code-named", file=found[0])
    return say("derived.code-same", file=found[0])


CHECKS: tuple[tuple[str, Callable[[Sealed], Said]], ...] = (
    ("contents", check_contents),
    ("cells", cells.check_cells),
    ("pictures", cells.check_pictures),
    ("works", check_works),
    ("made-files", check_made),
    ("judgement", check_judgement),
    ("people", check_people),
    ("calibration", check_calibration),
    ("seed", check_seed),
    ("draws", check_draws),
    ("history", history.check_history),
    ("sentences", history.check_sentences),
    ("reports", check_reports),
    ("forms", check_forms),
    ("code", check_code),
)
