"""Results of a run folder as a page may show them: worked out from their scores, with what must be said of the file."""

from __future__ import annotations

from pathlib import Path

from audit import __version__
from audit.base.messages import Said, say
from audit.judge import judge, with_readings
from audit.judge.rejudged import first_difference
from audit.records import SCHEMA_VERSION, Deviation, Results
from audit.runfolder import read_results
from audit.runfolder.judged import is_last_judged, last_judged


def stated_results(folder: Path) -> tuple[Results, tuple[Said, ...]]:
    """results.json, with its answers worked out again where they are not what its scores give.

    Returns:
        The results to show, which list what is said as deviations; and what must be said, nothing of a file that is
        as it was judged.

    Raises:
        BadResults: see `read_results`.
    """
    stated = read_results(folder)
    if stated.verdict is None:
        return stated, ()
    last, same = last_judged(folder), is_last_judged(folder / "results.json")
    said: list[Said] = []
    shown = with_readings(stated)
    if stated.schema_version == SCHEMA_VERSION:
        again = judge(stated)
        place = first_difference(stated, again)
        if place is not None:
            version = "" if last is None else last.tool_version
            if same and version not in ("", __version__):
                said.append(say("answers-of-other-rules", version=version, now=__version__))
            else:
                shown = again
                said.append(say("answers-not-of-scores", place=place))
    elif same is False:
        # Of an earlier version, and edited: its own answers are worth nothing.
        shown = judge(stated)
    if same is False:
        said.append(say("results-not-last-judged"))
    noted = tuple(Deviation(said=one) for one in said)
    return (shown.model_copy(update={"deviations": (*shown.deviations, *noted)}) if noted else shown), tuple(said)
