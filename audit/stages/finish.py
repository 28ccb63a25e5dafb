"""The last two stages, judge and render: from results to verdict and report. No torch."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from audit.judge import judge
from audit.judge.scored import judge_score
from audit.records import Results, ScoreResults
from audit.report import write_report
from audit.report.score import write_score_report
from audit.runfolder.event_log import JUDGED, log_event
from audit.store import write_atomic


def finish(results: Results, out: Path, *, pages: bool = True) -> Results:
    """Judge results, write results.json and report.html, for the preset court also its edition; the judged results.

    Args:
        pages: False leaves the pages as they are.
    """
    judged = judge(results)
    data = (judged.model_dump_json(indent=1) + "\n").encode("utf-8")
    write_atomic(out / "results.json", data)
    log_event(out, JUDGED, {"results_sha256": hashlib.sha256(data).hexdigest()})
    if not pages:
        return judged
    write_report(judged, run_folder=out)
    if judged.plan.preset == "court":
        write_report(judged, run_folder=out, edition="court")
    return judged


def finish_score(results: ScoreResults, out: Path) -> ScoreResults:
    """Judge a score, write score.json, its schema and report.html; the judged results."""
    judged = judge_score(results)
    data = (judged.model_dump_json(indent=1) + "\n").encode("utf-8")
    write_atomic(out / "score.json", data)
    schema = json.dumps(ScoreResults.model_json_schema(), indent=1, sort_keys=True) + "\n"
    write_atomic(out / "score.schema.json", schema.encode("utf-8"))
    log_event(out, JUDGED, {"results_sha256": hashlib.sha256(data).hexdigest()})
    write_score_report(judged, run_folder=out)
    return judged
