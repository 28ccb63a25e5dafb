"""Forgeries of what a run made: models, scores and readings taken out, and models called broken that are not.

All are judged again and sealed with a key of one's own, by the product's own writers.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from audit import records as r
from audit.evidence import pages
from audit.records.seeding import derived_seed
from audit.runfolder import read_results
from audit.stages.finish import finish
from tests.builders import make_plan
from tests.evidence.runs import PROMPTS, write_run
from tests.evidence.test_forged import sealed_by
from tests.evidence.test_verify import ours

Change = Callable[[r.Results], r.Results]


def in_cell(place: int, **changes: object) -> Change:
    def change(results: r.Results) -> r.Results:
        cells = list(results.cells)
        cells[place] = cells[place].model_copy(update=changes)
        return results.model_copy(update={"cells": tuple(cells)})

    return change


def of_pictures(place: int, **changes: object) -> Change:
    def change(results: r.Results) -> r.Results:
        made = results.cells[place].generations.model_copy(update=changes)
        return in_cell(place, generations=made)(results)

    return change


def a_bad_replicate_left_out(results: r.Results) -> r.Results:
    return results.model_copy(update={"cells": results.cells[:-1]})


def a_bad_score_left_out(results: r.Results) -> r.Results:
    return in_cell(3, scores=results.cells[3].scores[1:])(results)


def a_score_of_its_own_name(results: r.Results) -> r.Results:
    scores = results.cells[3].scores
    return in_cell(3, scores=(scores[0].model_copy(update={"metric": "mine"}), *scores[1:]))(results)


def a_metric_left_out(results: r.Results) -> r.Results:
    return results.model_copy(update={"metrics": results.metrics[:-1]})


def a_treatment_that_was_never_planned(results: r.Results) -> r.Results:
    row = results.visibility[0].model_copy(update={"condition": "mine"})
    return results.model_copy(update={"visibility": (row, *results.visibility[1:])})


def half_of_the_looks(results: r.Results) -> r.Results:
    return results.model_copy(update={"looks": results.looks[: len(results.looks) // 2]})


def first_row(field: str, **changes: object) -> Change:
    def change(results: r.Results) -> r.Results:
        row, *rest = getattr(results, field)
        return results.model_copy(update={field: (row.model_copy(update=changes), *rest)})

    return change


def a_reading_of_fewer_pictures(field: str) -> Change:
    return lambda results: first_row(field, scores=getattr(results, field)[0].scores[1:])(results)


def a_model_of_another_training(results: r.Results) -> r.Results:
    made = results.cells[3].adapter
    assert made is not None
    return in_cell(3, adapter=made.model_copy(update={"replicate": made.replicate + 1}))(results)


def left_out(field: str) -> Change:
    return lambda results: results.model_copy(update={field: ()})


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (left_out("tone_controls"), "cells"),
        (left_out("looks"), "cells"),
        (left_out("untriggered"), "cells"),
        (left_out("visibility"), "cells"),
        (a_bad_replicate_left_out, "cells"),
        (a_bad_score_left_out, "cells"),
        (a_score_of_its_own_name, "cells"),
        (a_metric_left_out, "cells"),
        (a_treatment_that_was_never_planned, "cells"),
        (half_of_the_looks, "cells"),
        (a_reading_of_fewer_pictures("tone_controls"), "cells"),
        (a_reading_of_fewer_pictures("noise_controls"), "cells"),
        (first_row("looks", among_real=(True,)), "cells"),
        (a_model_of_another_training, "cells"),
        (of_pictures(3, blank_share=1.0), "pictures"),
        (of_pictures(3, changed_share=0.0), "pictures"),
        (of_pictures(3, noise=(40.0, 40.0)), "pictures"),
    ],
)
def test_what_a_run_made_is_whole_and_no_sound_model_is_called_broken(run: Path, forger, change: Change, check):
    finish(change(read_results(run)), run)
    assert ours(sealed_by(forger, run, profile="redacted")) == [check]


def test_settings_at_which_the_mimic_did_best_are_not_left_out(tmp_path, forger):
    grid = r.MimicGrid(settings=(r.DEFAULT, r.Setting(name="steps:0.5", steps=0.5)))
    plan = make_plan(prompts=PROMPTS).model_copy(update={"seed_source": "plan", "grid": grid})
    run = write_run(tmp_path / "run", plan.model_copy(update={"seed": derived_seed(plan)}))
    assert ours(sealed_by(forger, run)) == ["cells"]


@pytest.mark.parametrize("edge", ["bottom", "right"])
def test_a_word_along_the_edge_of_a_picture_of_the_page(edge):
    pixels = np.full((200, 200, 3), 128, np.uint8)
    other = pixels.copy()
    other[-8:, 60:110:2] += 40
    if edge == "right":
        other = other.transpose(1, 0, 2).copy()
    first, second = (page_with(p) for p in (pixels, other))
    assert pages.same_page(first, first)
    assert not pages.same_page(first, second)


def page_with(pixels: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "WEBP", quality=90)
    return b'<img src="data:image/webp;base64,' + base64.b64encode(data.getvalue()) + b'">'
