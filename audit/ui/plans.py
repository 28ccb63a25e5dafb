"""What an audit will cost and can answer, as `cloakcheck plan --json` says it, for each preset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audit.base.messages import Said
from audit.base.text import printable
from audit.ui.drafts import PRESETS, SERVICE, Draft, Drafts
from audit.ui.heard import Heard, hear, result_of, said_of
from audit.ui.jobs import AUDITS, LOOKS, Job, Jobs, State

FIRST = ("foresight.no-word", "foresight.can", "reach.told", "lab-note", "shrunk", "foresight.")
"""Beginnings of ids of what a card says at once, in its order; the rest is unfolded."""
FOLDED = ("foresight.works",)
"""Begins as one of those, and is for those who unfold all."""
NOT_SHOWN = ("told.memory", "told.disk", "now.time")
"""Stand as figures already."""


@dataclass(frozen=True)
class PresetCard:
    """One preset.

    Attributes:
        state: of its plan, None where none was asked for; heard: what that told so far.
        seconds, memory, disk: seconds and bytes; None while they are not known.
        word: whether it can give a verdict word, as far as can be told before; first, rest: what the plan says.
    """

    preset: str
    state: State | None
    heard: Heard
    seconds: float | None = None
    memory: float | None = None
    disk: float | None = None
    word: bool = True
    first: tuple[Said, ...] = ()
    rest: tuple[Said, ...] = ()


AT_ONCE = ("quick", "standard")
"""Worked out before anybody asks; a court's rules are for few, and each plan takes a while."""


def ask_for_plans(drafts: Drafts, jobs: Jobs, draft: Draft, presets: Sequence[str] = AT_ONCE) -> None:
    """Work out what presets cost, where that is not known for just this audit.

    Raises:
        BadInput: its settings file cannot be read. OSError, StorageError: not written.
    """
    for preset in presets:
        spec, asked = drafts.spec(draft, preset=preset)
        known = jobs.of(draft.id, "plan", preset=preset, asked=asked)
        if known is not None and jobs.state(known) in ("waiting", "running", "done"):
            continue
        for old in [j for j in jobs.all(LOOKS) if (j.draft, j.kind, j.preset) == (draft.id, "plan", preset)]:
            (jobs.stop if jobs.state(old) == "running" else jobs.drop)(old)
        out = drafts.place(draft) / f"plan-{preset}-{asked}"
        words = ["plan", "--spec", str(spec), "--out", str(out), "--json"]
        jobs.add(words, lane=LOOKS, draft=draft.id, kind="plan", preset=preset, out=str(out), asked=asked)


def leave_plans(jobs: Jobs, draft: str) -> None:
    """Nobody waits any more for what is not worked out yet."""
    for look in jobs.all(LOOKS):
        if look.draft == draft and jobs.state(look) in ("waiting", "running"):
            jobs.stop(look)


def cards(drafts: Drafts, jobs: Jobs, draft: Draft) -> list[PresetCard]:
    """What is known of each preset so far.

    Raises:
        BadInput: its settings file cannot be read. OSError, StorageError: not written.
    """
    found = []
    for preset in PRESETS:
        _, asked = drafts.spec(draft, preset=preset)
        found.append(_card(jobs, preset, jobs.of(draft.id, "plan", preset=preset, asked=asked)))
    return found


def _card(jobs: Jobs, preset: str, job: Job | None) -> PresetCard:
    if job is None:
        return PresetCard(preset, None, Heard())
    state, heard = jobs.state(job), hear(job.text("log"))
    facts: dict[str, Any] = result_of(job.text("out")) if state == "done" else {}
    told = [said for said in said_of(facts.get("told")) if said.id not in NOT_SHOWN]
    # Of a quick look the card says in its own words that it gives no verdict; the reason names options.
    folded = FOLDED if preset != "quick" else (*FOLDED, "foresight.no-word")
    first = [said for said in told if said.id.startswith(FIRST) and said.id not in folded]
    first.sort(key=lambda said: next(i for i, begins in enumerate(FIRST) if said.id.startswith(begins)))
    return PresetCard(
        preset,
        state,
        heard,
        seconds=_figure(facts, "seconds"),
        memory=_figure(facts, "memory_bytes"),
        disk=_figure(facts, "disk_bytes"),
        word=not any(said.id == "foresight.no-word" for said in told),
        first=tuple(first),
        rest=tuple(said for said in told if said not in first),
    )


def _figure(facts: dict[str, Any], name: str) -> float | None:
    value = facts.get(name)
    return float(value) if isinstance(value, int | float) else None


def shown_name(draft: Draft) -> str:
    """What an audit is called before it has a report."""
    if draft.artist:
        return draft.artist
    return printable(Path(draft.originals).name) if draft.originals else ""


def first_step(draft: Draft) -> str:
    """Address of the page on which its folders are named."""
    return f"/audits/{draft.id}/{'service' if draft.kind == SERVICE else 'folders'}"


def last_step(draft: Draft) -> str:
    """Address of the page from which it is begun, as far as it is prepared."""
    return f"/audits/{draft.id}/plan" if draft.ready and draft.kind != SERVICE else first_step(draft)


def free_folder(jobs: Jobs, reports: Path, called: str) -> Path:
    """A run folder that is nobody's, named as the command line names them."""
    from audit.runfolder import folder_name

    taken = {job.out for job in jobs.all(AUDITS)}
    name = f"{datetime.now(UTC):%Y-%m-%d}-{folder_name(called)}"
    places = (reports.absolute() / one for one in (name, *(f"{name}-{number}" for number in range(2, 1000))))
    return next(place for place in places if not place.exists() and str(place) not in taken)
