"""Calibration: audits of planted truths in number, through the ordinary run, into one card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from audit.base.errors import BadInput
from audit.base.files import read_bounded
from audit.base.messages import say
from audit.base.progress import Progress
from audit.conditions.controls import IDENTITY, NULL
from audit.judge import judge
from audit.judge.calibration import make_card, pool_cards
from audit.models.loader import describe
from audit.plan.conditions import CLEAN_AGAIN, DILUTED, OTHER_ARTIST
from audit.plan.spec import Spec, typed_control
from audit.records import CalibrationCard, Results
from audit.records.versions import read_record
from audit.runfolder import keep_card, provenance, read_plan, read_results
from audit.stages.audit import run
from audit.store import Store, default_store, storage_errors, write_atomic

PLANTED = (
    IDENTITY.name,
    NULL.name,
    CLEAN_AGAIN.name,
    *(f"{DILUTED}:{share}" for share in (0.25, 0.5)),
    OTHER_ARTIST.name,
)
"""Controls that are planted by themselves: those whose true index is known, and two between nothing and all."""
CARD = "calibration.json"
REQUEST = "request.json"
MOST_BYTES = 16 << 20
"""Of a card from elsewhere."""


def calibrate(
    spec: Spec, *, audits: int, truths: tuple[str, ...], added: Sequence[Path] = (), progress: Progress
) -> tuple[CalibrationCard, Path]:
    """Run audits with the seeds `spec.seed` (0 if none is given), the next one, ... and count what they got wrong.

    Audits share the artist's works; the split, every draw and every training are their own. A truth that
    a finished audit has measured with the same seed is not run again, and an audit that was stopped goes on.
    Another call with other truths adds to the card; trainings that it shares with earlier ones are taken
    from the store.

    Args:
        spec: with `out`; its reference protections are doses of known attacks, its protected files are left aside.
        audits: how many.
        truths: planted in each; those of `PLANTED` when empty.
        added: cards of other audits of the same setup, made elsewhere or earlier, whose counts come in.

    Returns:
        The card and its file in `spec.out`; a copy in the store is found by later runs.
    """
    assert spec.out is not None
    first = spec.seed or 0
    others = [read_card(path) for path in added]
    for truth in truths:
        if truth not in PLANTED and typed_control(truth)[0] != DILUTED:
            raise BadInput("truth-unknown", control=truth, choices=PLANTED)
    planted = tuple(dict.fromkeys(truths or PLANTED))
    claim_calibration(spec.out, spec)
    measured = _measured(spec.out)
    for number in range(audits):
        name = f"audit-{number + 1:03d}"
        done_before = measured.get(first + number, set())
        left = tuple(truth for truth in planted if truth not in done_before)
        doses = tuple(dose for dose in spec.protect if dose not in done_before)
        progress.say(say("now.audit" if left or doses else "now.audit-done", number=number + 1, all=audits))
        if left or doses:
            one = spec.model_copy(
                update={
                    "planted_only": True, "protected": {}, "protect": doses, "against": (), "control": left,
                    "seed": first + number, "out": spec.out / _folder(*left, *doses) / name,
                }
            )  # fmt: skip
            # Every audit's record has its own times.
            progress.seconds.clear()
            run(one, progress)
    finished = sorted(spec.out.glob("*/audit-*/results.json"))
    done = [judge(read_results(path.parent)) for path in finished]
    card = pooled([make_card(_alike(done, folder=spec.out), created=provenance.now()), *others])
    path = spec.out / CARD
    write_atomic(path, (card.model_dump_json(indent=1) + "\n").encode("utf-8"))
    keep_card(Store(spec.store or default_store()).root, card)
    return card, path


def _folder(*planted: str) -> str:
    """Of the audits that plant these together; a name that every file system takes."""
    return "+".join(planted).replace(":", "-")


def _measured(folder: Path) -> dict[int, set[str]]:
    """Seed -> the conditions that finished audits with it have measured, as their plans say.

    Raises:
        BadResults: a plan that cannot be read.
    """
    found: dict[int, set[str]] = {}
    for path in sorted(folder.glob("*/audit-*/results.json")):
        plan = read_plan(path.parent)
        found.setdefault(plan.seed, set()).update(c.name for c in plan.conditions if c.role != "clean")
    return found


def read_card(path: Path) -> CalibrationCard:
    """A calibration card from its file.

    Raises:
        BadInput: `card-unreadable`. BadResults: `file-version`.
    """
    try:
        return read_record(CalibrationCard, read_bounded(path, limit=MOST_BYTES), name=path.name)
    except (OSError, ValueError) as error:
        raise BadInput("card-unreadable", file=path.name) from error


def pooled(cards: Sequence[CalibrationCard]) -> CalibrationCard:
    """One card of them all.

    Raises:
        BadInput: `cards-differ`, they cannot be counted together.
    """
    return cards[0] if len(cards) == 1 else pool_cards(cards, created=provenance.now())


def claim_calibration(folder: Path, spec: Spec) -> None:
    """Make the folder this calibration's, or find the same one there and go on with it.

    Raises:
        BadInput: `out-other-run`, the folder holds another calibration; `out-not-empty`, other files.
    """
    # What the model predicts, and which layer its text encoder is read at, is in its digest.
    left_out = {"originals", "prompts", "reference_artists", "out", "store", "no_reuse", "prediction_type", "clip_skip"}
    left_out |= {"executor", "keep_node_cache"}
    asked = spec.model_dump(mode="json", exclude=left_out)
    facts = describe(spec.model, asked=spec.prediction_type, skip=spec.clip_skip)
    text = json.dumps(asked | {"model_sha256": facts.sha256}, sort_keys=True, indent=1) + "\n"
    path, name = folder / REQUEST, folder.absolute().name
    with storage_errors(folder):
        if path.exists():
            if read_bounded(path, limit=MOST_BYTES).decode("utf-8", "replace") != text:
                raise BadInput("out-other-run.calibration", folder=name)
        elif folder.exists() and any(folder.iterdir()):
            raise BadInput("out-not-empty.calibration", folder=name)
        write_atomic(path, text.encode("utf-8"))


def _alike(audits: list[Results], *, folder: Path) -> list[Results]:
    """The audits, if they were all made by one version with one setup.

    Raises:
        BadInput: `calibration-mixed`, they were not.
    """
    first = audits[0].plan
    for results in audits:
        plan = results.plan
        if (plan.model, plan.training, plan.sampling, plan.metric_weights, plan.grid) != (
            first.model, first.training, first.sampling, first.metric_weights, first.grid
        ):  # fmt: skip
            raise BadInput("calibration-mixed", folder=folder.absolute().name)
    return audits
