"""The last two stages, judge and render: from results to verdict and report. No torch."""

from __future__ import annotations

import json
from pathlib import Path

from audit.judge import judge
from audit.judge.scored import judge_score
from audit.records import Results, ScoreResults
from audit.report import write_report
from audit.report.score import write_score_report
from audit.runfolder import read_ratings
from audit.runfolder.judged import log_judged
from audit.store import write_atomic


def finish(results: Results, out: Path, *, pages: bool = True) -> Results:
    """Judge results, write results.json and report.html, for the preset court also its edition; the judged results.

    A first report has no court edition: nobody is to print it.

    What people said lies in ratings.json, so that a run whose command is started again keeps it.

    Args:
        pages: False leaves the pages as they are.
    """
    judged = judge(results if results.ratings is not None else _with_people(results, out))
    data = (judged.model_dump_json(indent=1) + "\n").encode("utf-8")
    write_atomic(out / "results.json", data)
    log_judged(out, data)
    if not pages:
        return judged
    write_report(judged, run_folder=out)
    if judged.plan.preset == "court" and not judged.pending:
        write_report(judged, run_folder=out, edition="court")
    return judged


def finish_score(results: ScoreResults, out: Path) -> ScoreResults:
    """Judge a score, write score.json, its schema and report.html; the judged results."""
    judged = judge_score(results)
    data = (judged.model_dump_json(indent=1) + "\n").encode("utf-8")
    write_atomic(out / "score.json", data)
    schema = json.dumps(ScoreResults.model_json_schema(), indent=1, sort_keys=True) + "\n"
    write_atomic(out / "score.schema.json", schema.encode("utf-8"))
    log_judged(out, data)
    write_score_report(judged, run_folder=out)
    return judged


def _with_people(results: Results, out: Path) -> Results:
    ratings = read_ratings(out)
    if ratings is None or ratings.sheet.plan_sha256 != results.provenance.plan_sha256:
        return results
    return results.model_copy(update={"ratings": ratings})
