"""What people say of the pictures: the sheet that raters are shown, and their answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from audit.base.messages import Said, render, say
from audit.base.record import Digest, Record
from audit.records.judged import english
from audit.records.versions import Versioned

ItemKind = Literal["pair", "told", "same", "again"]
"""What two pictures of one replicate, prompt and noise are by: clean and the rated condition (`pair`); clean and base,
which a rater must tell apart (`told`); the same picture twice, which nobody can (`same`); clean and clean-again, which
only chance parts (`again`)."""
Side = Literal["left", "right", "none"]
"""What a rater chose on the page; `none` is no difference."""
Choice = Literal["clean", "other", "none"]
"""The same once it is known which side was clean's."""


class RatedItem(Record):
    """Two pictures that raters compare."""

    kind: ItemKind
    replicate: int = Field(ge=1)
    picture: int = Field(ge=0)
    """Place in `Generations.files` of both models."""
    works: tuple[str, ...]
    """Held-out works (ids) beside it."""


class RatingSheet(Record):
    """What every rater of a panel is shown; each one's order and sides follow from the plan and the rater's number."""

    plan_sha256: Digest
    condition: str
    """Whose pictures stand against those of clean."""
    raters: int = Field(ge=1, le=1000)
    """Raters that were planned, numbered from 1."""
    items: tuple[RatedItem, ...]
    pixels: Digest
    """Over the pictures' digests, so that an answer belongs to these very pictures."""


class RatingAnswer(Record):
    """One rater's answer to one pair, by what stood where on the page."""

    style: Side
    quality: Side
    seconds: float = Field(ge=0, le=86400)
    """That the pair was on the screen."""


class RatingFile(Versioned):
    """What the page lets a rater save. No name and no address, of the rater or the machine."""

    sheet: Digest
    rater: int = Field(ge=1, le=1000)
    answers: tuple[RatingAnswer, ...]
    """In the order of the sheet's items."""


class Rater(Record):
    """One rater's answers, with sides resolved."""

    rater: int
    sha256: Digest
    """Of the file that the rater saved."""
    style: tuple[Choice, ...]
    """Which looks more like the artist's hand, in the order of the sheet's items."""
    quality: tuple[Choice, ...]
    """Which is the better picture."""
    seconds: float
    """On all pairs together."""


class Ratings(Versioned):
    """ratings.json: the answers of a panel."""

    sheet: RatingSheet
    sheets: int = Field(1, ge=1)
    """Pages that were written for this run by then, this one among them: more than one is a choice to be told of."""
    raters: tuple[Rater, ...]

    @model_validator(mode="after")
    def _whole(self) -> Ratings:
        numbers = [r.rater for r in self.raters]
        if len(set(numbers)) != len(numbers) or not all(1 <= n <= self.sheet.raters for n in numbers):
            raise ValueError(render(say("record.raters-numbered")))
        if any({len(r.style), len(r.quality)} != {len(self.sheet.items)} for r in self.raters):
            raise ValueError(render(say("record.rater-answers")))
        return self


PeopleAnswer = Literal["apart", "as-close", "unclear", "few", "alarm"]
"""What people's answers come to: they surely tell the condition's pictures from clean's; they surely find them as close
to the artist's hand; neither is sure; too few raters count; they told clean from clean-again, so nothing counts."""


class PeopleReading(Record):
    """Who was asked, who counts, and what it comes to; the figures are rows of `estimates` with the metric `people`."""

    condition: str
    answer: PeopleAnswer
    said: Said
    """The same, as a whole sentence for the artist."""
    sentence: str = Field(default_factory=lambda data: english(data.get("said")))
    asked: int
    """Raters that were planned."""
    given: int
    """Raters whose files were joined."""
    dropped: tuple[int, ...]
    """Numbers of raters that the rule about catch trials leaves out."""
    pairs: int
    """Pairs of clean and the condition that each rater saw."""
    told: int
    """Catch pairs that a rater must tell apart."""
    same: int
    """Catch pairs that show one picture twice."""
    again: int
    """Pairs of clean and clean-again."""
    replicates: int
    """Training runs that the pairs are from."""
    sheets: int
    """Pages that were written for the run."""
    counts: dict[str, int] = Field(default_factory=dict)
    """Choice -> answers about style on the pairs, of the raters that count."""
