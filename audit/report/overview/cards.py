"""A card per audit, and filters that need no script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from markupsafe import Markup

from audit.records import AuditFacts, VerdictLabel
from audit.report.locale import message
from audit.report.overview.opening import ORDER
from audit.report.overview.view import OverviewView, inlined
from audit.report.pictures import InlinePicture, Shelf


@dataclass(frozen=True)
class CardScale:
    """A card's scale; positions are percent of its width."""

    zero: str
    one: str
    span: str
    failed: str
    held: str
    held_span: str
    low: str
    width: str
    at: str
    has_range: bool


@dataclass(frozen=True)
class AuditCard:
    """One audit."""

    number: int
    artist: str
    folder: str
    link: str
    verdict: VerdictLabel
    word: str
    sentence: str
    numbers: str
    """'' where the word stands without a number."""
    strip: CardScale | None
    work: InlinePicture | None
    unprotected: InlinePicture | None
    protected: InlinePicture | None
    prompt: str
    condition: str
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    classes: str
    """That filters go by."""


@dataclass(frozen=True)
class Choice:
    id: str
    text: str


@dataclass(frozen=True)
class Filter:
    """One question with its answers, the first of which is "all"."""

    name: str
    legend: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Cards:
    filters: tuple[Filter, ...]
    cards: tuple[AuditCard, ...]
    left_out: int
    """Audits whose pictures do not fit the page."""


Values = Callable[[OverviewView, AuditFacts], tuple[str, ...]]


def _words(view: OverviewView, audit: AuditFacts) -> tuple[str, ...]:
    return (view.word(audit.verdict, own=audit.own_margins),)


def _cloaks(view: OverviewView, audit: AuditFacts) -> tuple[str, ...]:
    return tuple(dict.fromkeys(view.cloak(c.cloak) for c in audit.claims))


def _versions(view: OverviewView, audit: AuditFacts) -> tuple[str, ...]:
    return tuple(dict.fromkeys(view.cloak(c.cloak, c.version) for c in audit.claims if c.version))


def _models(_: OverviewView, audit: AuditFacts) -> tuple[str, ...]:
    return (audit.model,)


def _tools(_: OverviewView, audit: AuditFacts) -> tuple[str, ...]:
    return (audit.tool_version,)


FILTERS: tuple[tuple[str, str, Values], ...] = (
    ("verdict", message("Answer"), _words),
    ("cloak", message("Protection"), _cloaks),
    ("version", message("Version of the protection"), _versions),
    ("model", message("Base model"), _models),
    ("tool", message("Version of CloakCheck"), _tools),
)
MOST_CHOICES = 40
"""Of one filter; what is beyond it is found under its last choice."""


def build(view: OverviewView, _: Shelf) -> Cards:
    """Cards in the order given; a filter only where there is something to choose."""
    loc = view.locale
    listed = _listed(view)
    filters = tuple(
        Filter(
            name,
            loc.say(legend),
            (
                Choice(f"f-{name}-all", loc.say("all")),
                *(Choice(f"f-{name}-{at}", text) for at, text in enumerate(listed[name])),
            ),
        )
        for name, legend, _ in FILTERS
        if len(listed[name]) > 1
    )
    return Cards(filters, tuple(_card(view, audit, listed) for audit in view.overview.audits), view.left_out)


def rules(view: OverviewView) -> Iterator[Markup]:
    """Style rules of the filters: a card that lacks the chosen class is not shown. Printing shows all."""
    yield Markup("@media screen {")
    for name, texts in _listed(view).items():
        if len(texts) > 1:
            for at in range(len(texts)):
                yield Markup("#cards:has(#f-{name}-{at}:checked) .card:not(.{name}-{at}) {{ display: none; }}").format(
                    name=name, at=at
                )
    yield Markup("}")


def _listed(view: OverviewView) -> dict[str, tuple[str, ...]]:
    """Filter -> its values on this page."""
    found = {}
    for name, _, values in FILTERS:
        texts = dict.fromkeys(text for audit in view.overview.audits for text in values(view, audit))
        found[name] = tuple(texts)
        if len(texts) > MOST_CHOICES:
            found[name] = (*found[name][: MOST_CHOICES - 1], view.locale.say("others"))
    order = {view.word(label, own=own): at for at, label in enumerate(ORDER) for own in (False, True)}
    found["verdict"] = tuple(sorted(found["verdict"], key=lambda text: order[text]))
    return found


def _card(view: OverviewView, audit: AuditFacts, listed: dict[str, tuple[str, ...]]) -> AuditCard:
    classes = [
        f"{name}-{listed[name].index(text) if text in listed[name] else MOST_CHOICES - 1}"
        for name, _, values in FILTERS
        for text in values(view, audit)
    ]
    return card_of(view, audit, classes=" ".join(dict.fromkeys(classes)))


def card_of(view: OverviewView, audit: AuditFacts, *, classes: str = "") -> AuditCard:
    """One audit's card; `classes` are what filters go by."""
    loc, claim, pictures = view.locale, view.shown(audit), view.pictures_of(audit.number)
    facts = [
        (loc.say("Protection"), view.cloak(claim.cloak, claim.version) if claim else ""),
        (loc.say("Base model"), audit.model),
        (loc.say("Style score"), audit.metric),
        (loc.say("Trainings"), str(audit.replicates)),
        (loc.say("Works"), str(audit.works)),
        (loc.say("Finished"), loc.day(audit.finished)),
        (loc.say("Audits before it"), _attempts(view, audit)),
    ]
    return AuditCard(
        number=audit.number,
        artist=audit.artist,
        folder=audit.folder,
        link=audit.link,
        verdict=audit.verdict,
        word=view.word(audit.verdict, own=audit.own_margins),
        sentence=loc.parted(audit.said)[0].text,
        numbers=view.numbers(claim.value, claim.low, claim.high) if claim else "",
        strip=strip(audit, claim.value, claim.low, claim.high) if claim else None,
        work=inlined(pictures.work) if pictures else None,
        unprotected=inlined(pictures.unprotected) if pictures else None,
        protected=inlined(pictures.claims.get(audit.condition)) if pictures else None,
        prompt=pictures.prompt if pictures else "",
        condition=view.label(claim) if claim else "",
        facts=tuple(fact for fact in facts if fact[1]),
        notes=tuple(loc.render(said) for said in audit.edited),
        classes=classes,
    )


def _attempts(view: OverviewView, audit: AuditFacts) -> str:
    loc, count = view.locale, audit.attempts
    if count is None:
        return loc.say("not recorded")
    return str(count) if audit.attempts_whole else loc.say("{n} at least", n=count)


def strip(audit: AuditFacts, value: float | None, low: float | None, high: float | None) -> CardScale | None:
    """The scale of one index; None without a value."""
    if value is None:
        return None
    start, end = (value if low is None else low), (value if high is None else high)
    left, right = min(max(start, -0.5), 0.0) - 0.08, max(min(end, 1.5), 1.0) + 0.08

    def at(share: float) -> float:
        return 100 * (min(max(share, left), right) - left) / (right - left)

    def percent(value: float) -> str:
        return f"{value:.2f}%"

    return CardScale(
        zero=percent(at(0)),
        one=percent(at(1)),
        span=percent(at(1) - at(0)),
        failed=percent(at(audit.did_not_hold)),
        held=percent(at(audit.held)),
        held_span=percent(max(at(1) - at(audit.held), 0.0)),
        low=percent(at(start)),
        width=percent(at(end) - at(start)),
        at=percent(at(value)),
        has_range=low is not None and high is not None,
    )
