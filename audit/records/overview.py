"""overview.json: many audits on one page, as far as results.json files tell."""

from __future__ import annotations

from pydantic import Field

from audit.base.messages import Said
from audit.base.record import SCHEMA_VERSION, Digest, Record
from audit.records.judged import VerdictLabel, english


class SeenPicture(Record):
    """A small picture as a page holds it."""

    uri: str
    """`data:image/...`"""
    width: int
    height: int


class AuditPictures(Record):
    """The pictures of one audit that a page over many shows."""

    prompt: str
    """What the models were asked for: the first prompt of the first run."""
    work: SeenPicture | None
    """One of the artist's own."""
    unprotected: SeenPicture | None
    """By the model that trained on the originals."""
    claims: dict[str, SeenPicture]
    """Condition -> picture by the model that trained on it."""


class ClaimFacts(Record):
    """A protection of one audit, plain or under countermeasures, by one style score."""

    condition: str
    """As in the plan."""
    said: Said
    """In a word or two: "protected"."""
    label: str = Field(default_factory=lambda data: english(data.get("said")))
    cloak: str
    """What protects: the tool that the delivered files name, or a reference protection as typed; '' where no name
    is known."""
    version: str = ""
    """Of the cloak, where the audit's name of it ends in one."""
    counter: str = ""
    """Countermeasures put on top, as typed, joined by `+`; '' for none."""
    made: Digest
    """Over the settings of all its treatments and the model that they attack."""
    primary: bool
    """Whether the audit's overall verdict counts it."""
    metric: str
    index: str
    """Name of the estimate that its word rests on."""
    verdict: VerdictLabel
    value: float | None
    """Of the index, as a share. None where the word stands without a number: not valid, first look, models broke."""
    low: float | None
    high: float | None
    level: float
    n: int
    """Paired trainings."""


class AuditFacts(Record):
    """One audit."""

    number: int = Field(0, ge=0)
    """On the page, from 1."""
    folder: str = ""
    """Its name; '' under pseudonyms."""
    link: str = ""
    """Address of its report, relative to the page; '' without one."""
    artist: str
    person: int = 0
    """Audits with the same one count as one artist: they share the name, or a work."""
    verdict: VerdictLabel
    own_margins: bool
    said: Said
    """The answer."""
    sentence: str = Field(default_factory=lambda data: english(data.get("said")))
    condition: str
    """The condition that the card shows; '' where the audit has none."""
    model: str
    lab: bool
    metric: str
    """That decides."""
    tool_version: str
    preset: str
    replicates: int
    works: int
    works_sha256: Digest
    """Over the digests of the works' pixels: two audits share it if they are of the very same pictures."""
    started: str
    finished: str
    plan_sha256: Digest
    setup: int = 0
    """Number of the setup, from 1: only audits of one setup are pooled."""
    parts: dict[str, str]
    """What makes the setup: model, score, margins, ... -> how it reads, or a digest."""
    held: float
    """Margins of the plan, as shares."""
    did_not_hold: float
    claims: tuple[ClaimFacts, ...]
    family: int
    """Primary conditions: what Holm's correction spans in this audit."""
    attempts: int | None = None
    """Audits of the same works that its store's ledger says were begun before; None where that was not recorded."""
    attempts_whole: bool = True
    """Whether nothing shows that there were more: that ledger's start, an entry or a line of it is not missing."""
    edited: tuple[Said, ...] = ()
    """What must be said of its results file."""


class ReadAudit(Record):
    """What was read of one run folder."""

    facts: AuditFacts
    works: tuple[Digest, ...]
    """Of the works' pixels; overview.json does not tell them."""
    pictures: AuditPictures | None


class UnreadFolder(Record):
    """A folder that gives no row, and why."""

    folder: str
    said: Said
    sentence: str = Field(default_factory=lambda data: english(data.get("said")))


class SetupFacts(Record):
    """Audits that were made alike but for artist and protection."""

    number: int
    audits: tuple[int, ...]
    parts: dict[str, str]
    differs: tuple[str, ...]
    """Parts in which it is unlike the first setup."""


class PooledClaim(Record):
    """One cloak under one countermeasure, over artists: the random-effects mean of their indices."""

    setup: int
    cloak: str
    version: str
    counter: str
    made: Digest
    metric: str
    index: str
    audits: tuple[int, ...]
    """One of each artist: the first that was begun and has a range."""
    left_out: tuple[int, ...]
    """Audits of the same claim that are not counted: without a range, or a later one of the same artist."""
    artists: int
    value: float | None
    """None with fewer than two artists."""
    low: float | None = None
    high: float | None = None
    level: float
    p: float | None = None
    """Two-sided, of a mean of 0."""
    p_holm: float | None = None
    """The same after Holm's correction over all pooled claims by the scores that decide."""
    between: float | None = None
    """Standard deviation between artists, as a share."""
    between_low: float | None = None
    between_high: float | None = None
    new_low: float | None = None
    """Where the index of one more artist is expected; None with two."""
    new_high: float | None = None
    told: bool = False
    """Whether its range tells anything: it lies above 0, or below the margin of did-not-hold."""


class SharedWorks(Record):
    """Two audits with some of the same pictures."""

    audits: tuple[int, int]
    works: int
    names: tuple[str, str]


class Series(Record):
    """Audits of one artist and one cloak, in the order in which they were begun."""

    artist: str
    cloak: str
    audits: tuple[int, ...]


class Overview(Record):
    """overview.json."""

    schema_version: int = SCHEMA_VERSION
    tool_version: str
    audits: tuple[AuditFacts, ...]
    unread: tuple[UnreadFolder, ...]
    setups: tuple[SetupFacts, ...]
    pooled: tuple[PooledClaim, ...]
    shared: tuple[SharedWorks, ...]
    series: tuple[Series, ...]
    artists: int
    """Persons among the audits."""
    compared: int
    """Indices that the page shows, one per audit and claim, by the scores that decide."""
    pooled_compared: int
    """Pooled ones with a range, by the scores that decide: what Holm's correction of `p_holm` spans."""
