#!/usr/bin/env python3
"""Writes the labelled corpus that the detection rules are measured on: `generate.py > ../data/corpus.jsonl`.

One JSON object a line: `group` (what is measured together), `family` (what kind of text it is), `label` (the detection
type that must be found, or a group's name where any type of it will do; null: nothing of the group may be found),
`surface` and `text`. The seed is fixed, so the file changes only with this directory. No value in it is anybody's.
"""

import json
import random
import sys

import adversarial
import personal
import secrets_corpus

SEED = 20261122


def lines():
    rng = random.Random(SEED)
    parts = [
        ("SECRET", "user", secrets_corpus.positives(rng, 448), secrets_corpus.negatives(rng, 400)),
        ("PII", "user", personal.positives(rng, 700), personal.negatives(rng, 504)),
        ("ADVERSARIAL", "user", adversarial.positives(rng, 360), adversarial.negatives(rng, 600)),
        ("TOOL", "tool_arguments", adversarial.tool_positives(rng, 120), adversarial.tool_negatives(rng, 120)),
    ]
    for group, surface, positives, negatives in parts:
        for label, text in positives:
            # A provider's format is a family; any type of secret will do for it.
            family = label
            yield {"group": group, "family": family, "label": "SECRET" if group == "SECRET" else label, "surface": surface, "text": text}
        for _, text in negatives:
            yield {"group": group, "family": "clean", "label": None, "surface": surface, "text": text}


if __name__ == "__main__":
    for line in lines():
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
