"""Audits whose replicates draw their own prompts and works, and plans of before, which drew neither."""

from __future__ import annotations

import pytest

from audit.base.progress import Progress
from audit.collect import part_once
from audit.plan.spec import load_spec
from audit.records import Plan, Results
from audit.report.pictures import Shelf
from audit.report.results_view import ResultsView
from audit.report.sections.visibility import build as up_close
from audit.runfolder import claim, provenance
from audit.stages.audit import carry_out
from audit.stages.prepare import Prepared, prepare
from tests.e2e.folders import write_originals, write_spec

SUBJECTS = "cat castle tree owl boat lamp river queen harp bridge apple rocket fox star".split()


@pytest.fixture
def ready(tiny_model, tmp_path) -> Prepared:
    spec = write_spec(tmp_path / "audit.toml")
    (tmp_path / "prompts.txt").write_text("\n".join(SUBJECTS), encoding="utf-8")
    options = {
        "originals": write_originals(tmp_path / "art"), "model": str(tiny_model), "protect": ("encoder-pgd:12",),
        "preset": "quick", "out": tmp_path / "out", "store": tmp_path / "store", "device": "cpu",
        # Of 495 ways to hold four of twelve works out, a plan's own seed once drew the same one twice.
        "seed": 1,
    }  # fmt: skip
    return prepare(load_spec(options, spec), Progress())


def audited(ready: Prepared, plan: Plan, out) -> Results:
    begun = provenance.begin()
    claim(out, plan)
    spec = load_spec({"originals": out, "declare": True}, None)
    return carry_out(spec, plan, ready.artist, ready.engine, out=out, begun=begun)


def test_each_replicate_has_its_own_prompts_noise_and_held_out_works(ready):
    plan = ready.plan
    one, two = plan.draws
    assert one.prompts != two.prompts
    assert one.held_out != two.held_out
    found = audited(ready, plan, ready.out)
    cells = {(c.condition, c.replicate): c for c in found.cells}
    assert sorted(cells) == [(name, r) for name in ("base", "clean", "encoder-pgd:12") for r in (1, 2)]
    for cell in cells.values():
        draw = plan.draw(cell.replicate)
        assert tuple(s.prompt for s in cell.scores if s.metric == plan.primary_metric) == draw.prompts
        assert all(f"-p{place:02d}-" in file for file, place in zip(cell.generations.files, draw.prompts, strict=True))
    assert {s.prompt for s in found.untriggered} == {*one.prompts}
    # The same prompt of the same model starts from other noise in another replicate.
    base = {
        (r, place): digest
        for r in (1, 2)
        for place, digest in zip(plan.draw(r).prompts, cells["base", r].generations.pixels, strict=True)
    }
    shared = {*one.prompts} & {*two.prompts}
    assert shared
    assert all(base[1, place] != base[2, place] for place in shared)
    assert len({file for c in found.cells for file in c.generations.files}) == 6 * 12
    assert all(len(m.real_means) == 2 for m in found.metrics)
    assert found.work_images.keys() >= {*one.held_out}
    # An example work may be held out by another replicate: its crop and its thumbnail are two files.
    examples = found.treated_images["encoder-pgd:12"]
    assert examples.keys() == found.treated_images["clean"].keys()
    assert not {*found.work_images.values()} & {*found.treated_images["clean"].values()}
    page = ResultsView(found)
    assert len(up_close(page, Shelf(ready.out / "images")).examples) == 2


def test_a_plan_of_before_is_run_as_it_was(ready, tmp_path):
    works = part_once(ready.artist, seed=0).works
    plan = ready.plan.model_copy(update={"draws": (), "works": works})
    found = audited(ready, plan, tmp_path / "before")
    pool = [w.id for w in works if w.split == "pool"]
    assert [(c.condition, c.replicate) for c in found.cells] == [
        ("base", 0), *((name, r) for r in (1, 2) for name in ("clean", "encoder-pgd:12"))
    ]  # fmt: skip
    for cell in found.cells:
        assert {s.prompt for s in cell.scores} == set(range(len(SUBJECTS)))
        assert cell.adapter is None or {*cell.adapter.works} <= {*pool}
    assert all((len(m.real), m.real_means) == (len(pool), ()) for m in found.metrics)
    assert {v.work for v in found.visibility} == {*pool}
    assert next(e for e in found.estimates if e.name == "gain").n == 2
