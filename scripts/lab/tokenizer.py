"""A small CLIPTokenizer: whole words of the lab's captions, letters for everything else."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from scripts.lab.common import inputs_digest

# Words without a meaning in the captions; they stand for "any style" in the base model.
TRIGGERS = ("nulevoy", "zarkvun", "ombrix", "feldaqo", "tuvexi", "quorlam", "brisko", "yandeth")
MIN_COUNT = 2
VOCABULARY = 4000


def build_tokenizer(records: list[dict[str, str]], styles: dict[str, str], folder: Path) -> CLIPTokenizer:
    """Train byte-pair merges on the captions' words, or reopen the tokenizer if these captions' is there.

    Style words and triggers become single tokens; any other text falls back to letters.
    """
    taught = inputs_digest(subjects=[r["subject"] for r in records], styles=styles, triggers=TRIGGERS, size=VOCABULARY)
    mark = folder / "taught.sha256"
    if mark.exists() and mark.read_text(encoding="utf-8") != taught:
        raise SystemExit(f"{folder} was trained on other captions than lie there now; delete it to train it anew.")
    if not mark.exists():
        words: Counter[str] = Counter(w for r in records for w in r["subject"].split())
        words = Counter({w: n for w, n in words.items() if n >= MIN_COUNT})
        for word in [*filter(None, styles.values()), *TRIGGERS, "by"]:
            words[word] += 20_000
        letters = sorted(pre_tokenizers.ByteLevel.alphabet())
        trained = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
        trained.pre_tokenizer = pre_tokenizers.Whitespace()
        # Ties between merges go to the lower ids, and the trainer numbers the letters that end a word in an
        # order that changes from run to run. As special tokens they have ids before it looks at any word.
        ends = [c + "</w>" for c in letters]
        trainer = trainers.BpeTrainer(
            vocab_size=VOCABULARY + len(ends),
            end_of_word_suffix="</w>",
            initial_alphabet=letters,
            special_tokens=ends,
            show_progress=False,
        )
        trained.train_from_iterator((w for w, n in sorted(words.items()) for _ in range(n)), trainer)
        merges = [tuple(pair) for pair in json.loads(trained.to_str())["model"]["merges"]]
        # CLIP's vocabulary layout: letters, letters that end a word, merges, then the two marks.
        vocabulary = [*letters, *ends, *(a + b for a, b in merges)]
        vocabulary = [*dict.fromkeys(vocabulary), "<|startoftext|>", "<|endoftext|>"]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(vocabulary)}), encoding="utf-8")
        lines = ["#version: 0.2", *(f"{a} {b}" for a, b in merges)]
        (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16)
        tokenizer.save_pretrained(folder)
        mark.write_text(taught, encoding="utf-8")
    return CLIPTokenizer.from_pretrained(folder)
