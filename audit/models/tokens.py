"""From texts to token ids, for each of a model's tokenizers; a text that is too long loses its subject's end, never
the style."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from audit.models.conditioning import Tokens
from audit.models.model import Model

JOINT = " by "
"""Between what a text shows and the word that asks for the style."""
PLAIN = ("", "")


def tokenize(model: Model, texts: Sequence[str]) -> Tokens:
    """Padded token ids for each tokenizer, in the family's wording.

    What follows a text's last `JOINT` is kept whole: cut at its end, a text would lose the word that asks for it.
    """
    ids, mask = {}, {}
    for name, tokenizer in _tokenizers(model):
        before, after = model.family.wording.get(name, PLAIN)
        most = model.lengths[name]
        worded = [f"{before}{text}{after}" for text in texts]
        made = tokenizer(worded, padding="max_length", max_length=most, truncation=True, return_tensors="pt")
        for row, text in enumerate(texts):
            if (kept := _shortened(tokenizer, text, most, before=before, after=after)) is not None:
                made.input_ids[row] = torch.tensor(kept + [tokenizer.pad_token_id] * (most - len(kept)))
                made.attention_mask[row] = torch.tensor([1] * len(kept) + [0] * (most - len(kept)))
        ids[name], mask[name] = made.input_ids, made.attention_mask
    return Tokens(ids, mask)


def overlong(model: Model, texts: Sequence[str]) -> frozenset[str]:
    """Texts of more tokens than the model's text encoders read."""
    found = set()
    for name, tokenizer in _tokenizers(model):
        before, after = model.family.wording.get(name, PLAIN)
        most = model.lengths[name]
        found |= {t for t in texts if _shortened(tokenizer, t, most, before=before, after=after) is not None}
    return frozenset(found)


def words_room(model: Model) -> int:
    """How many tokens a text may have beside those that every text has."""
    return min(
        model.lengths[name] - len(tokenizer("".join(model.family.wording.get(name, PLAIN))).input_ids)
        for name, tokenizer in _tokenizers(model)
    )


def _tokenizers(model: Model) -> list[tuple[str, Any]]:
    return list(zip(model.family.tokenizers, model.tokenizers, strict=True))


def _shortened(tokenizer: Any, text: str, most: int, *, before: str, after: str) -> list[int] | None:
    """At most `most` token ids of a text that has more; None of one that has not."""
    # No text has more tokens than bytes, beside those at its ends.
    if len(f"{before}{text}{after}".encode()) + 2 <= most:
        return None
    whole = list(tokenizer(f"{before}{text}{after}").input_ids)
    if len(whole) <= most:
        return None
    # What a tokenizer puts at the ends of every text.
    ends = list(tokenizer("").input_ids)
    tail = 1 if ends and ends[-1] == tokenizer.eos_token_id else 0
    head = len(ends) - tail
    subject, joint, style = text.rpartition(JOINT)
    end = list(tokenizer(f"{joint}{style}{after}" if joint else after).input_ids)[head:]
    least = len(list(tokenizer(before).input_ids)) - tail + 1
    if joint and most - len(end) >= least:
        begin = list(tokenizer(f"{before}{subject}").input_ids)
        begin = begin[: len(begin) - tail]
    else:
        # No style, or one of more words than a text may have.
        end, begin = list(tokenizer(after).input_ids)[head:], whole
    return [*begin[: most - len(end)], *end]
