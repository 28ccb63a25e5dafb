"""What commands share: the options that describe an audit, one sentence per error, the result on stdout."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from audit.base.errors import BadInput
from audit.base.messages import Said, render, say
from audit.cli.told import one_sentence

if TYPE_CHECKING:
    from audit.plan.spec import Spec
    from audit.records import Results, ScoreResults

Originals = Annotated[Path | None, typer.Option(help="Folder with the artist's original pictures.")]
Protected = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[NAME=]DIR",
        help="Folder with protected copies of the same pictures; NAME=DIR may be repeated to compare protections.",
    ),
]
Artist = Annotated[str | None, typer.Option(help="Name to show in the report; a pseudonym is fine.")]
ModelName = Annotated[
    str | None, typer.Option(help="Base model: lab, a known name, a .safetensors checkpoint or a folder.")
]
PredictionType = Annotated[
    str | None,
    typer.Option(help="epsilon or v_prediction: what the base model predicts, where its files do not tell."),
]
ClipSkip = Annotated[
    int | None,
    typer.Option(min=1, max=12, help="Layer of SD 1.x's text encoder that is read, from its end: 2 for anime models."),
]
CropName = Annotated[
    str | None,
    typer.Option("--crop", help="Shapes that works are trained in: buckets near their aspect, or square."),
]
Protect = Annotated[list[str] | None, typer.Option(help="Reference protection NAME[:ARG]; may be repeated.")]
Against = Annotated[list[str] | None, typer.Option(help="Countermeasure NAME[:ARG][+NAME...]; may be repeated.")]
Battery = Annotated[
    bool | None,
    typer.Option(
        "--battery/--no-battery", help="Try the usual ways around each protection; without, held is not said."
    ),
]
Control = Annotated[list[str] | None, typer.Option(help="Control NAME[:ARG]; may be repeated.")]
Surrogate = Annotated[
    str | None, typer.Option(help="Model that reference protections attack; by default the base model itself.")
]
DrawWith = Annotated[
    str | None,
    typer.Option(
        help="Sibling of the model that draws in its place: trained on the base, drawn with the distilled one."
    ),
]
Preset = Annotated[str | None, typer.Option(help="quick, standard or court.")]
Protocol = Annotated[str | None, typer.Option(help="Published comparison to follow: hoenig2024.")]
Replicates = Annotated[int | None, typer.Option(help="Trainings per condition; 6 is the least for a verdict.")]
Metric = Annotated[
    str | None,
    typer.Option(help="Style metric that decides; `-csls` at its end corrects it for local scaling."),
]
References = Annotated[
    Path | None, typer.Option(help="Folder of folders: pictures by other artists to recognise this one among.")
]
OtherArtist = Annotated[
    Path | None, typer.Option(help="Works that `other-artist` trained on, where they are not the built-in ones.")
]
Prompts = Annotated[Path | None, typer.Option(help="Text file with one subject per line.")]
PromptListName = Annotated[
    str | None, typer.Option("--prompt-list", help="Shipped list of subjects to draw from: lab or everyday.")
]
Subjects = Annotated[
    bool | None, typer.Option("--subjects", help="Also read which subject pictures show (by itself for Nightshade).")
]
Captions = Annotated[Path | None, typer.Option(help="CSV of captions, as `captions` wrote it and you mended it.")]
Pairs = Annotated[
    Path | None,
    typer.Option(help="CSV of pairs chosen by hand and of works left out (columns arm, work, copy)."),
]
Out = Annotated[Path | None, typer.Option(help="Folder for the report (default: reports/<date>-<artist>).")]
StoreAt = Annotated[Path | None, typer.Option(help="Folder for finished steps (default: the user's cache).")]
NoReuse = Annotated[
    bool | None,
    typer.Option("--no-reuse", help="Make every step anew, whatever earlier runs have left in the store."),
]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
Memory = Annotated[
    float | None, typer.Option(help="Memory in GB that the run may take (default: half of a PC's, most of a GPU's).")
]
ExecutorName = Annotated[
    str | None,
    typer.Option("--executor", help="Where tasks run: local, ray, or ray:ADDRESS of a cluster to join."),
]
KeepNodeCache = Annotated[
    bool | None,
    typer.Option("--keep-node-cache", help="Leave on a cluster's machines what they were sent, for the next run."),
]
Seed = Annotated[
    int | None,
    typer.Option(help="Seed of all draws; without it, `run` and `plan` take one that follows from the plan."),
]
UntilDecided = Annotated[
    bool | None,
    typer.Option("--until-decided", help="Judge after each replicate and stop when the answer is clear."),
]
Grid = Annotated[
    list[str] | None,
    typer.Option(
        help="Settings that a mimic chooses from: default, small, whole, or steps:M, rate:M, rank:N; may be repeated."
    ),
]
Declare = Annotated[
    bool | None, typer.Option("--declare", help="Declare that the works are yours, or that you may test them.")
]
SpecFile = Annotated[Path | None, typer.Option("--spec", help="audit.toml with any of these options.")]
Yes = Annotated[bool, typer.Option("--yes", help="Begin without asking, once it is told what this audit can answer.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object on stdout.")]


def announce(judged: Results, out: Path, *, as_json: bool) -> None:
    """The result on stdout: the verdict and, last, the report's path."""
    assert judged.verdict is not None
    report = out / "report.html"
    if as_json:
        print(json.dumps({"verdict": judged.verdict.model_dump(mode="json"), "report": str(report)}))
    else:
        from rich.console import Console

        from audit.report.terminal import show

        show(judged, Console(highlight=False, soft_wrap=False))
        print(report)
    if judged.verdict.label == "not-valid":
        raise typer.Exit(3)


def announce_score(judged: ScoreResults, out: Path, *, as_json: bool) -> None:
    """The result of a score on stdout: its sentence and, last, the report's path."""
    assert judged.verdict is not None
    report = out / "report.html"
    if as_json:
        print(json.dumps({"verdict": judged.verdict.model_dump(mode="json"), "report": str(report)}))
    else:
        print(judged.verdict.sentence)
        print(report)
    if judged.verdict.label == "not-valid":
        raise typer.Exit(3)


def gather(
    originals: Originals = None,
    protected: Protected = None,
    artist: Artist = None,
    model: ModelName = None,
    prediction_type: PredictionType = None,
    clip_skip: ClipSkip = None,
    crop: CropName = None,
    protect: Protect = None,
    against: Against = None,
    battery: Battery = None,
    control: Control = None,
    surrogate: Surrogate = None,
    draw_with: DrawWith = None,
    preset: Preset = None,
    protocol: Protocol = None,
    replicates: Replicates = None,
    primary_metric: Metric = None,
    reference_artists: References = None,
    prompts: Prompts = None,
    prompt_list: PromptListName = None,
    captions: Captions = None,
    pairs: Pairs = None,
    subjects: Subjects = None,
    out: Out = None,
    store: StoreAt = None,
    no_reuse: NoReuse = None,
    device: Device = None,
    memory: Memory = None,
    executor: ExecutorName = None,
    keep_node_cache: KeepNodeCache = None,
    seed: Seed = None,
    until_decided: UntilDecided = None,
    grid: Grid = None,
    declare: Declare = None,
    spec: SpecFile = None,
) -> Spec:
    """The options that describe an audit, as a spec."""
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in locals().items() if k != "spec"}
    from audit.plan.spec import load_spec

    return load_spec(options, spec)


def with_rights(asked: Spec) -> Spec:
    """Ask on a terminal for the declaration about rights; elsewhere its absence is recorded by the run.

    Raises:
        BadInput: the person at the terminal did not declare it.
    """
    if asked.declare or not at_a_terminal():
        return asked
    if not declared_on_terminal("ask.before-training"):
        raise BadInput("rights-refused")
    return asked.model_copy(update={"declare": True})


def at_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def declared_on_terminal(before: str) -> bool:
    """Ask for the declaration about rights, `before` being the message that says when; False where nobody sits at a
    terminal."""
    if not at_a_terminal():
        return False
    from audit.plan.spec import DECLARATION

    print(f"{render(say(before))}\n  {DECLARATION}", file=sys.stderr)
    return confirmed(say("ask.declare"))


def confirmed(question: Said) -> bool:
    """Ask; an input that ends without an answer says no."""
    try:
        return typer.confirm(render(question), err=True)
    except typer.Abort:
        # Ctrl-C at the question comes as this, too.
        if sys.stdin.isatty():
            raise KeyboardInterrupt from None
        return False


def describes_an_audit(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes a spec the options of `gather`, so that they stand in one place."""
    hints = get_type_hints(command, globalns=globals() | {"Spec": object}, include_extras=True)
    own = [p.replace(annotation=hints[p.name]) for p in list(inspect.signature(command).parameters.values())[1:]]
    shared = get_type_hints(gather, globalns=globals() | {"Spec": object}, include_extras=True)
    given = [p.replace(annotation=shared[p.name]) for p in inspect.signature(gather).parameters.values()]

    def with_options(**values: Any) -> None:
        with one_sentence():
            rest = {p.name: values.pop(p.name) for p in own}
            command(gather(**values), **rest)

    with_options.__doc__ = command.__doc__
    with_options.__name__ = command.__name__
    with_options.__annotations__ = {p.name: p.annotation for p in [*given, *own]}
    with_options.__signature__ = inspect.Signature([*given, *own])  # type: ignore[attr-defined]
    return with_options
