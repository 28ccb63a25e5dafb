"""Which protected file is the copy of which work: by name, else by look, else not at all."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np

from audit.base.errors import BadInput
from audit.base.text import printable
from audit.collect.alignment import Moved, moved
from audit.collect.folders import Picture, names
from audit.collect.names import is_word_of_tools, original_names
from audit.collect.nearness import Looks, Nearest, distance
from audit.collect.relation import MATCH, OTHER_LINES, SAME_LINES, lies, relation, same_lines, unlikeness
from audit.images import Ground

# Levels (0..255) of root mean square difference between fingerprints; see images.fingerprint for
# the measurement behind them.
_MATCH = MATCH
"""A file without a telling name is a copy of a work within this distance ..."""
_CLEARLY = 0.6
"""... when the second best work is at least 1/0.6 times as far."""
_FAR = 40.0
"""Beyond this a file with a work's name shows something else."""
_NEAR = 6.0
_UNLIKE = 0.7
"""Beyond _NEAR it does too when 1 - correlation of the fingerprints is above this."""
_MISTAKEN = 3.0
"""Beyond this it does too when another work is clearly nearer."""
_ASPECT_SLACK = 0.02
"""Tools round the sides to multiples of 8; more is a crop or a squash."""

MatchedBy = Literal["name", "perceptual-hash", "hand"]
Claim = tuple[int, tuple[str, ...]]
"""Index of a copy, and the tools that its name claims."""


@dataclass(frozen=True)
class Pair:
    work: Picture
    copy: Picture
    matched_by: MatchedBy
    tools: tuple[str, ...]
    moved: Moved | None = None

    @property
    def toned(self) -> bool:
        """Whether large tones differ by more than a protection's own change, or than a shift of the picture."""
        return (
            self.moved is None
            and float(np.sqrt(np.mean(np.square(self.work.fingerprint - self.copy.fingerprint)))) > _MATCH
        )


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


@dataclass(frozen=True)
class Proposal:
    """A pair that is not looked at yet: indices of work and copy, and what told that they belong together."""

    work: int
    copy: int
    matched_by: MatchedBy
    tools: tuple[str, ...]


def pair_copies(
    works: list[Picture], copies: list[Picture], chosen: Mapping[str, str] = MappingProxyType({})
) -> tuple[list[Pair], list[Picture]]:
    """Pair each work with at most one copy, by name, then by look; also the copies left over.

    Args:
        chosen: file of a work -> file of the copy that a person chose for it.
    """
    if not works or not copies:
        return [], copies
    nearest = Looks(copies).nearest(Looks(works))
    found, unclear = proposals(works, copies, nearest, chosen)
    for error in unclear.values():
        raise error
    for one in found:
        if one.matched_by != "perceptual-hash":
            check_same_work(works, copies, one, nearest)
    pairs = [_pair(works[one.work], copies[one.copy], one) for one in found]
    pairs.sort(key=lambda pair: pair.work.file)
    for pair in pairs:
        check_shape(pair.work, pair.copy)
    used = {pair.copy.file for pair in pairs}
    return pairs, [c for c in copies if c.file not in used]


def _pair(work: Picture, copy: Picture, of: Proposal) -> Pair:
    return Pair(work, copy, of.matched_by, of.tools, moved(work.sketch, copy.sketch))


def proposals(
    works: list[Picture], copies: list[Picture], nearest: Nearest, chosen: Mapping[str, str]
) -> tuple[list[Proposal], dict[int, BadInput]]:
    """Which copy each work may have, and for which works that is not clear.

    Args:
        nearest: of every copy, among the works.
        chosen: as in `pair_copies`.

    Raises:
        BadInput: `pairs-unknown`, a chosen file is not among the pictures.
    """
    by_hand = _chosen(works, copies, chosen)
    claims = _claims_by_name(works, copies, by_hand)
    by_name: dict[int, Claim] = {}
    unclear: dict[int, BadInput] = {}
    for i, candidates in claims.items():
        try:
            by_name[i] = _only_copy(works[i], candidates, copies)
        except BadInput as error:
            unclear[i] = error
    disputed = {j for i in unclear for j, _ in claims[i]}
    by_look = _pair_by_look(
        works,
        copies,
        nearest,
        {*by_name, *by_hand, *unclear},
        {*(j for j, _ in by_name.values()), *by_hand.values(), *disputed},
    )
    found = [Proposal(i, j, "hand", _tools(copies[j])) for i, j in by_hand.items()]
    found += [Proposal(i, j, "name", tools) for i, (j, tools) in by_name.items()]
    found += [Proposal(i, j, "perceptual-hash", _tools(copies[j])) for i, j in by_look.items()]
    return found, unclear


def _tools(copy: Picture) -> tuple[str, ...]:
    """What a copy's name claims."""
    *_, tools = original_names(copy.file).values()
    return tools


def _chosen(works: list[Picture], copies: list[Picture], chosen: Mapping[str, str]) -> dict[int, int]:
    """Index of work -> index of copy, as a person chose them."""
    places = [
        {name: i for i, p in reversed([*enumerate(side)]) for name in (p.name, p.file)} for side in (works, copies)
    ]
    found = {}
    for pair in chosen.items():
        for name, known in zip(pair, places, strict=True):
            if name not in known:
                raise BadInput("pairs-unknown", file=name)
        work, copy = (known[name] for name, known in zip(pair, places, strict=True))
        found[work] = copy
    return found


def on_ground_of_copies(
    works: list[Picture], copies: list[Picture], read: Callable[[Picture, Ground], Picture]
) -> list[Picture]:
    """The works, each transparent one filled as its copy is: tools often fill with black, or leave transparency away.

    Args:
        read: a work again, with another ground.
    """
    grounds: tuple[Ground, ...] = ("black", "bare")
    looks, found = Looks(copies), []
    for work in works:
        if work.facts.transparent:
            ways = [work, *(read(work, ground) for ground in grounds)]
            near = Looks(ways).nearest(looks).best
            best = int(near.argmin())
            clearly = near[0] > _MISTAKEN and near[best] <= min(_MATCH, _CLEARLY * near[0])
            found.append(ways[best] if clearly else work)
        else:
            found.append(work)
    return found


def refuse_copies(works: list[Picture]) -> None:
    """Protected copies lie among the originals, as when a tool saves beside its source.

    Raises:
        BadInput: `originals-hold-copies`, by name and look.
    """
    stems = {_key(Path(work.file).stem): i for i, work in enumerate(works)}
    for j, work in enumerate(works):
        for name in list(original_names(work.file))[1:]:
            i = stems.get(_key(name), j)
            if i != j and distance(work, works[i]) <= _MATCH:
                raise BadInput("originals-hold-copies", copy=work.name, work=works[i].name)


def refuse_swapped(works: Sequence[str], copies: Sequence[str]) -> None:
    """The originals carry the names that tools give to copies of the others.

    Args:
        works, copies: names of the files in the two folders.

    Raises:
        BadInput: `folders-swapped`, where that is so of half of them.
    """
    stems = {_key(Path(copy).stem) for copy in copies}
    made = [w for w in works if any(_key(name) in stems for name in list(original_names(w))[1:])]
    if made and 2 * len(made) >= len(works):
        raise BadInput("folders-swapped", count=len(made), all=len(works), picture=printable(made[0]))


_FOLDERS_OF_ORIGINALS = frozenset(("original", "originals", "orig", "unprotected", "unglazed", "clean"))


def refuse_swapped_folders(originals: str, copies: str) -> None:
    """The folder of originals is called as that of copies would be, and the other as that of originals.

    Args:
        originals, copies: the folders' own names.

    Raises:
        BadInput: `folders-swapped.folders`.
    """
    sources = {_key(name) for name in list(original_names(originals))[1:]}
    if _key(copies) in sources or (_key(copies) in _FOLDERS_OF_ORIGINALS and (sources or is_word_of_tools(originals))):
        raise BadInput("folders-swapped.folders", originals=printable(originals), copies=printable(copies))


def _claims_by_name(works: list[Picture], copies: list[Picture], by_hand: Mapping[int, int]) -> dict[int, list[Claim]]:
    """Index of work -> copies whose names tell that they are of it, with the tools that they claim."""
    taken = set(by_hand.values())
    index: dict[str, set[int]] = defaultdict(set)
    cut: dict[str, set[int]] = defaultdict(set)
    for i, work in enumerate(works):
        index[_key(Path(work.file).stem)].add(i)
        index[_key(work.file)].add(i)
        cut[_key(work.file.split(".")[0])].add(i)  # Mist 2 cuts the stem at its first dot
    claims: dict[int, list[Claim]] = defaultdict(list)
    for j, copy in enumerate(copies):
        if j in taken:
            continue
        names = original_names(copy.file)
        by_rule = ((table, name, tools) for table in (index, cut) for name, tools in names.items())
        for table, name, tools in ((index, copy.file, ()), *by_rule):
            if found := table.get(_key(name)):
                # `cat.png` and `cat.jpg` among the originals: the look decides.
                nearest = min(sorted(found), key=lambda i: distance(copy, works[i])) if len(found) > 1 else min(found)
                if nearest not in by_hand:
                    claims[nearest].append((j, tools))
                break
    return claims


def _only_copy(work: Picture, candidates: list[Claim], copies: list[Picture]) -> Claim:
    """The one protected copy of a work; an unchanged copy beside it does not count."""
    changed = [c for c in candidates if copies[c[0]].content != work.content] or candidates
    if len(changed) > 1:
        raise BadInput("protected-ambiguous", work=work.name, names=names([copies[j] for j, _ in changed]))
    return changed[0]


def _pair_by_look(
    works: list[Picture], copies: list[Picture], nearest: Nearest, paired: set[int], used: set[int]
) -> dict[int, int]:
    """Pair what the names left over (`paired` works and `used` copies are taken): mutual, near and clearly nearest."""

    def clear(found: Nearest, one: int) -> bool:
        return found.clearly(one, within=_MATCH, share=_CLEARLY)

    free = [j for j in range(len(copies)) if j not in used]
    asked = [(int(nearest.place[j]), j) for j in free if clear(nearest, j) and int(nearest.place[j]) not in paired]
    if not asked:
        return {}
    back = Looks([works[i] for i, _ in asked]).nearest(Looks([copies[j] for j in free]))
    return {i: j for n, (i, j) in enumerate(asked) if clear(back, n) and free[back.place[n]] == j}


def check_same_work(works: list[Picture], copies: list[Picture], of: Proposal, near: Nearest) -> None:
    """Refuse a copy that shows something else than its work; `near` tells of every copy the nearest work.

    Raises:
        BadInput: `protected-other-work`, `protected-other-shape`.
    """
    work, copy, nearest = of.work, copies[of.copy], int(near.place[of.copy])
    own = distance(works[work], copy)
    if own > _MISTAKEN and (way := lies(works[work], copy)) is not None:
        raise BadInput(f"protected-other-shape.{way}", copy=copy.name, work=works[work].name)
    mistaken = own > _MISTAKEN and near.best[of.copy] <= min(_MATCH, _CLEARLY * own)
    unlike = own > _NEAR and unlikeness(works[work].fingerprint, copy.fingerprint) > _UNLIKE
    if not (mistaken or unlike or own > _FAR):
        # Works of like tones are near to each other. A copy of other tones has its own work's lines, and one that was
        # moved or cut lies on it once moved back.
        other = own > _NEAR and same_lines(works[work], copy) <= OTHER_LINES
        moved_back = moved(works[work].sketch, copy.sketch) if other else None
        if not other or moved_back is not None or relation(works[work], copy) in ("framed", "cropped"):
            return
        raise BadInput("protected-other-work.another", copy=copy.name, work=works[work].name)
    found = relation(works[work], copy)
    if found == "tones" and same_lines(works[work], copy) > same_lines(works[nearest], copy) - (nearest == work):
        return
    if found in ("turned", "mirrored", "framed", "cropped", "inverted"):
        raise BadInput(f"protected-other-shape.{found}", copy=copy.name, work=works[work].name)
    if mistaken:
        raise BadInput("protected-other-work", copy=copy.name, work=works[work].name, like=works[nearest].name)
    raise BadInput("protected-other-work.another", copy=copy.name, work=works[work].name)


def check_shape(work: Picture, copy: Picture) -> None:
    """Refuse a copy that was cropped, framed or squashed. Raises BadInput `protected-other-shape`."""
    a, b = work.facts, copy.facts
    fits = abs(a.width * b.height / (a.height * b.width) - 1) <= _ASPECT_SLACK
    # A pixel of rounding is more than that in a small picture.
    if not fits and abs(b.height - a.height * b.width / a.width) > 1:
        found = relation(work, copy)
        if found in ("framed", "cropped"):
            raise BadInput(f"protected-other-shape.{found}", copy=copy.name, work=work.name)
        squashed = ".squashed" if same_lines(work, copy) >= SAME_LINES else ""
        raise BadInput(
            f"protected-other-shape{squashed}",
            copy=copy.name,
            width=b.width,
            height=b.height,
            work=work.name,
            own_width=a.width,
            own_height=a.height,
        )
