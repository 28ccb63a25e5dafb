"""A bundle folder under examination, and the answers of a check."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit import __version__
from audit.base.files import file_digest
from audit.base.messages import Said, Value, render, say
from audit.evidence import bag, layout, renewal
from audit.evidence.adapters import Adapters
from audit.evidence.layout import PROFILES, Profile
from audit.evidence.source import RunSource
from audit.evidence.timestamps import Token, check_token
from audit.records import SCHEMA_VERSION, Environment, Results
from audit.records.versions import read_record
from audit.runfolder import STAMPED_PLAN
from audit.runfolder.event_log import EVENTS, read_events

if TYPE_CHECKING:
    from audit.evidence.contents import Contents

WEIGHTS = re.compile(r"weights/([0-9a-f]{64})\.safetensors")


class Fails(Exception):
    """The bundle does not pass a check."""

    def __init__(self, id: str, /, **values: Value) -> None:
        self.said = say(id, **values)
        super().__init__(render(self.said))


class NotDerived(Exception):
    """What a check would make again cannot be made by this version: nothing is known against it, or for it."""

    def __init__(self, id: str, /, **values: Value) -> None:
        self.said = say(id, **values)
        super().__init__(render(self.said))


@dataclass(frozen=True)
class CheckedPart:
    """The answer of one check.

    Attributes:
        derived: False where the part could not be made again, so that nothing is known for or against it.
    """

    check: str
    passed: bool
    said: Said
    derived: bool = True

    @property
    def sentence(self) -> str:
        return render(self.said)


@dataclass(eq=False)
class Sealed:
    """A bundle folder under examination.

    Attributes:
        signer: the fingerprint that the verifier expects, '' for any.
        roots: PEM of roots that the verifier trusts for time stamps; None to take the bundle's own.
    """

    folder: Path
    signer: str = ""
    roots: bytes | None = None
    names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.names = bag.list_files(self.folder)

    def read(self, name: str) -> bytes:
        return bag.read_text(self.folder / name)

    @property
    def data(self) -> Path:
        """Folder of the payload."""
        return self.folder / "bag" / "data"

    @property
    def payload(self) -> frozenset[str]:
        """Paths of the payload's files, under `data`."""
        return frozenset(n.removeprefix("bag/data/") for n in self.names if n.startswith("bag/data/"))

    @cached_property
    def seal(self) -> bytes:
        return self.read(f"bag/{bag.TAGS}")

    @cached_property
    def events(self) -> tuple[dict[str, Any], ...]:
        return read_events(self.read(f"bag/data/{EVENTS}"))

    @cached_property
    def results(self) -> Results:
        return read_record(Results, self.read("bag/data/results.json"), name="results.json")

    @cached_property
    def environment(self) -> Environment | None:
        if "environment.json" not in self.payload:
            return None
        return read_record(Environment, self.read("bag/data/environment.json"), name="environment.json")

    @cached_property
    def info(self) -> dict[str, str]:
        return bag.read_info(self.read(f"bag/{bag.INFO}"))

    @property
    def profile(self) -> Profile:
        """Raises Fails: the bag names none."""
        stated = self.info.get(layout.LABEL_PROFILE)
        for profile in PROFILES:
            if stated == profile:
                return profile
        raise Fails("verify.no-profile", choices=PROFILES)

    @cached_property
    def made_here(self) -> bool:
        """Whether this very version of CloakCheck made the bundle, by what the bag says."""
        if self.info.get(layout.LABEL_SCHEMA) != str(SCHEMA_VERSION):
            return False
        return self.info.get(layout.LABEL_AGENT) == layout.AGENT.format(version=__version__)

    @cached_property
    def unaltered(self) -> bool:
        """Whether the payload's files are those of the manifest: what was altered is not worked with any further."""
        listed = bag.read_manifest(self.read(f"bag/{bag.PAYLOAD}"))
        if listed is None or {f"data/{name}" for name in self.payload} != set(listed):
            return False
        return all(file_digest(self.folder / "bag" / name) == wanted for name, wanted in listed.items())

    def must_be_unaltered(self) -> None:
        """Raises NotDerived where it is not."""
        if not self.unaltered:
            raise NotDerived("derived.altered")

    @cached_property
    def adapters(self) -> Adapters:
        """What became of the add-ons, by what the bundle holds of them.

        Raises:
            Fails: adapters.json or a file under weights/ says something else, in a bundle of this version.
        """
        from audit.evidence.contents import adapters_text, earlier_text

        known = {cell.adapter.sha256 for cell in self.results.cells if cell.adapter}
        held = {m[1]: self.data / name for name in self.payload if (m := WEIGHTS.fullmatch(name))}
        if self.made_here:
            held = {digest: path for digest, path in held.items() if digest in known}
        for digest, path in held.items():
            if file_digest(path) != digest:
                raise Fails("derived.other", file=f"weights/{path.name}", version=__version__)
        # Deleted ones were found when the bundle was made, and are not in it.
        found = [held] if held else [dict.fromkeys(known, self.data), {}]
        stated = self.read("bag/data/adapters.json")
        for case in (Adapters(self.data, files, (), bool(held)) for files in found):
            text = adapters_text(self.results, case.fate)
            if stated in (text, earlier_text("adapters.json", text)):
                return case
        if not self.made_here:
            return Adapters(self.data, held, (), bool(held))
        raise Fails("derived.other", file="adapters.json", version=__version__)

    @cached_property
    def implied(self) -> Contents:
        """What a bundle of this profile holds of this run, but for its code.

        Raises:
            Fails: what it says of its own contents cannot be; NotDerived: its files were altered.
        """
        from audit.evidence.contents import collect_contents, copies_places, read_withheld

        self.must_be_unaltered()
        withheld = read_withheld(self.read("bag/data/withheld.json"))
        if withheld is None:
            raise Fails("verify.written", file="withheld.json")
        source = self.source(withheld)
        originals = self.data / "originals"
        copies = {arm: self.data / place for arm, place in copies_places(source.plan).items()}
        return collect_contents(
            source,
            profile=self.profile,
            originals=originals if originals.is_dir() else None,
            protected={arm: folder for arm, folder in copies.items() if folder.is_dir()},
            adapters=self.adapters,
            code=False,
        )

    @cached_property
    def stamps(self) -> tuple[Token, ...]:
        """The bundle's own stamp and its renewals, each checked at the moment of the next; none without one.

        Raises:
            BadEvidence: see `check_token`. Fails: a renewal lacks a file, or is not over what lies there.
        """
        if layout.REPLY not in self.names:
            return ()
        numbers = renewal.numbers(self.names)
        if numbers != list(range(1, len(numbers) + 1)):
            raise Fails("verify.renewal-missing", file=renewal.files_of(numbers[-1]).reply)
        places = [(self.seal, layout.REPLY, layout.CHAIN)]
        for number in numbers:
            files = renewal.files_of(number)
            text = renewal.covered_text(self.folder, number)
            for name in (files.covered, files.request, files.reply, files.chain):
                if name not in self.names:
                    raise Fails("verify.renewal-missing", file=name)
            if self.read(files.covered) != text or self.read(files.request) != renewal.request_of(text):
                raise Fails("verify.renewal-other", file=files.covered)
            places.append((text, files.reply, files.chain))
        found: list[Token] = []
        for stamped, reply, chain in reversed(places):
            after = found[-1].time if found else None
            trusted = self.roots if self.roots is not None else self.read(chain)
            found.append(check_token(stamped, reply=self.read(reply), chain=trusted, at=after))
            if after is not None and found[-1].time > after:
                raise Fails("verify.renewal-older")
        return tuple(reversed(found))

    def token(self) -> Token | None:
        """The bundle's own stamp; None without one."""
        return self.stamps[0] if self.stamps else None

    def plan_token(self) -> Token | None:
        """The plan's stamp; None without one."""
        if "bag/data/plan.tsr" not in self.names:
            return None
        chain = self.roots if self.roots is not None else self.read("bag/data/plan-tsa.pem")
        return check_token(self.stamped_plan, reply=self.read("bag/data/plan.tsr"), chain=chain)

    @property
    def stamped_plan(self) -> bytes:
        """What the plan's stamp is over, and its request: the plan, or the one whose stamp gave the plan its seed."""
        return self.read(f"bag/data/{STAMPED_PLAN if STAMPED_PLAN in self.payload else 'plan.json'}")

    def source(self, withheld: dict[str, str]) -> RunSource:
        """The run that the bundle holds, as far as it holds it.

        Args:
            withheld: what it says that it left out, path -> digest.
        """
        results = self.results
        drawn = tuple(dict.fromkeys(name for cell in results.cells for name in cell.generations.files))
        own = {*results.work_images.values(), *(n for m in results.treated_images.values() for n in m.values())}
        token = None
        if "plan.tsr" in self.payload:
            # By the chain that lies there, as whoever made the page did.
            chain = self.read("bag/data/plan-tsa.pem")
            token = check_token(self.stamped_plan, reply=self.read("bag/data/plan.tsr"), chain=chain)
        return RunSource(
            folder=self.data,
            plan=results.plan,
            results=results,
            events=self.events,
            environment=self.environment,
            generated=drawn,
            shown=tuple(sorted(n for n in own if f"images/{n}" in self.payload | withheld.keys())),
            plan_token=token,
            withheld=withheld,
        )
