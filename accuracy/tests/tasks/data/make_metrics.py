#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes metrics.json: scores of made-up answers and numbers, by other programs.

Answers are scored as the official SQuAD v1.1 script (evaluate-v1.1.py) words it: regular
expressions, collections.Counter. Rank correlations are scipy's, percentiles numpy's (run with
scipy 1.17, numpy 2.4).

    python3 accuracy/tests/tasks/data/make_metrics.py
"""

import json
import re
import string
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

ANSWERS = [
    ("the lock keeper", ["lock keeper", "a keeper"]),
    ("The Lock-Keeper's  boat!", ["lockkeepers boat"]),
    ("an old boat", ["the boat", "old old boat"]),
    ("water water gates", ["water gates water water"]),
    ("slowly", ["quickly"]),
    ("the", ["a"]),
    ("", ["something"]),
    ("10\u201320 boats", ["20 boats", "10 20 boats"]),
    ("vitamins A\u2013B", ["vitamins B"]),
    ("\u00c9COLE of the art", ["\u00e9cole of art"]),
    ("a.b. the.re", ["ab there"]),
    ("$5,000 (about)", ["5000 about", "5000"]),
]
PAIRS = [
    [[0.1, 1.0], [0.5, 2.0], [0.3, 3.0], [0.9, 4.0]],
    [[0.5, 2.5], [0.5, 1.0], [0.2, 2.5], [0.7, 5.0], [0.2, 0.0], [0.9, 5.0], [0.2, 2.5]],
    [[3.0, 1.0], [2.0, 2.0], [1.0, 3.0]],
    [[-1.0, 0.5], [1e-3, 0.5], [4.0, -7.0], [5.0, 1e9]],
]


def normalize_answer(s):
    def remove_articles(text):
        return re.sub(r"\b(a|an|the)\b", " ", text)

    def white_space_fix(text):
        return " ".join(text.split())

    def remove_punc(text):
        exclude = set(string.punctuation)
        return "".join(ch for ch in text if ch not in exclude)

    return white_space_fix(remove_articles(remove_punc(s.lower())))


def f1_score(prediction, ground_truth):
    prediction_tokens = normalize_answer(prediction).split()
    ground_truth_tokens = normalize_answer(ground_truth).split()
    common = Counter(prediction_tokens) & Counter(ground_truth_tokens)
    num_same = sum(common.values())
    if num_same == 0:
        return 0.0
    precision = num_same / len(prediction_tokens)
    recall = num_same / len(ground_truth_tokens)
    return 2 * precision * recall / (precision + recall)


def main():
    answers = [
        {
            "answer": answer,
            "right": right,
            "exact": any(normalize_answer(answer) == normalize_answer(r) for r in right),
            "f1": max(f1_score(answer, r) for r in right),
        }
        for answer, right in ANSWERS
    ]
    spearman = [
        {"pairs": pairs, "value": float(spearmanr(pairs).statistic)} for pairs in PAIRS
    ]
    rng = np.random.default_rng(7)
    percentiles = []
    for count in (1, 2, 41, 200):
        values = rng.normal(size=count).round(6)
        low, high = np.percentile(values, [2.5, 97.5])
        percentiles.append({"values": values.tolist(), "low": low, "high": high})
    result = {"answers": answers, "spearman": spearman, "percentiles": percentiles}
    target = Path(__file__).parent / "metrics.json"
    target.write_text(json.dumps(result, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
