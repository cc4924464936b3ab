#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes outcomes.json: what the tiny models make of the data files beside this one.

By the float64 implementations of ../../data/make_tiny_bert.py and make_tiny_llama.py, text by
text, and the scores of make_metrics.py. Run with numpy 2.4, scipy 1.17 and tokenizers 0.23, of
which BERT's tokens are.

    python3 accuracy/tests/tasks/data/make_outcomes.py
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
from make_metrics import f1_score, normalize_answer
from scipy.stats import spearmanr
from tokenizers import Tokenizer

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "../../data"))

import make_tiny_bert as bert  # noqa: E402
import make_tiny_llama as llama  # noqa: E402

WINDOW = 16
# Most tokens of question and passage, and how many tokens of it neighboring windows share.
WINDOW_OF_PASSAGE, STRIDE = 14, 2


def encoder_outcomes():
    plain, adapter = bert.random_weights(np.random.default_rng(20210806))
    adapted = bert.adapted(plain, adapter)
    tokenizer = Tokenizer.from_file(str(bert.FOLDER / "tokenizer.json"))

    def head(hidden):
        return hidden @ adapter["head.weight"].T + adapter["head.bias"]

    def spans(ids, types, in_passage):
        """Every span of the passage, by tokens of the text, and its sum of logits."""
        hidden, _ = bert.forward(adapted, ids, types)
        start, end = head(hidden).T
        tokens = [t for t, inside in enumerate(in_passage) if inside]
        return [(start[i] + end[j], i, j) for i in tokens for j in tokens if i <= j]

    def windowed(question, context):
        """The answer of a passage in overlapping windows."""
        question = tokenizer.encode(question, add_special_tokens=False).ids
        passage = tokenizer.encode(context, add_special_tokens=False)
        room = WINDOW_OF_PASSAGE - len(question) - 3
        found = []
        for first in range(0, len(passage), room - STRIDE):
            part = passage.ids[first : first + room]
            before = [2, *question, 3]
            ids, types = [*before, *part, 3], [0] * len(before) + [1] * (len(part) + 1)
            inside = [0] * len(before) + [1] * len(part) + [0]
            for logit, i, j in spans(ids, types, inside):
                i, j = (first + t - len(before) for t in (i, j))
                found.append((logit, passage.offsets[i][0], passage.offsets[j][1]))
            if first + room >= len(passage):
                break
        best, i, j = max(found)
        assert len({(a, b) for s, a, b in found if s > best - 1e-3}) == 1
        return context[i:j]

    answers, in_windows, exact, f1 = [], [], [], []
    for article in json.loads((HERE / "questions.json").read_text())["data"]:
        for paragraph in article["paragraphs"]:
            context = paragraph["context"]
            for question in paragraph["qas"]:
                text = tokenizer.encode(question["question"], context)
                assert len(text.ids) <= bert.POSITIONS, len(text.ids)
                found = spans(text.ids, text.type_ids, [s == 1 for s in text.sequence_ids])
                best, i, j = max(found)
                # No other span is so near that single precision could prefer it.
                assert sum(s > best - 1e-3 for s, _, _ in found) == 1
                in_windows.append(windowed(question["question"], context))
                answer = context[text.offsets[i][0] : text.offsets[j][1]]
                right = [r["text"] for r in question["answers"]]
                answers.append(answer)
                exact.append(normalize_answer(answer) in map(normalize_answer, right))
                f1.append(max(f1_score(answer, r) for r in right))

    classes, right = [], []
    for line in (HERE / "sentences.tsv").read_text().splitlines()[1:]:
        sentence, label = line.split("\t")
        text = tokenizer.encode(sentence)
        hidden, _ = bert.forward(adapted, text.ids, text.type_ids)
        logits = head(hidden[0])
        assert abs(logits[0] - logits[1]) > 1e-3
        classes.append(int(logits.argmax()))
        right.append(classes[-1] == int(label))

    def embedding(sentence):
        text = tokenizer.encode(sentence)
        hidden, _ = bert.forward(plain, text.ids, text.type_ids)
        mean = hidden.mean(0)
        return mean / np.linalg.norm(mean)

    with open(HERE / "pairs.csv", newline="") as file:
        pairs = list(csv.reader(file))[1:]
    cosines = [float(embedding(a) @ embedding(b)) for a, b, _ in pairs]
    return {
        "answers": answers,
        "answers_in_windows": in_windows,
        "exact_match": 100 * float(np.mean(exact)),
        "f1": 100 * float(np.mean(f1)),
        "classes": classes,
        "accuracy": 100 * float(np.mean(right)),
        "cosines": cosines,
        "spearman": float(spearmanr(cosines, [float(score) for _, _, score in pairs]).statistic),
    }


def negative_logs(skip):
    rng = np.random.default_rng(20230227)
    llama.random_weights(rng, llama.GGUF["d"])
    weights = llama.random_weights(rng, llama.CHECKPOINT["d"])
    output = 0.4 * rng.standard_normal(weights["embeddings"].shape)
    weights["output"] = output.astype("<f2").astype(float)
    lines = (HERE / "prose.txt").read_text().splitlines(keepends=True)
    ids = llama.tokenize("".join(line for line in lines if not skip or skip not in line))
    sums = []
    for first in range(0, len(ids) - WINDOW + 1, WINDOW):
        part = ids[first : first + WINDOW]
        _, logits, _ = llama.forward(weights, part, llama.CHECKPOINT, llama.rotate_halves)
        log_sum = np.log(np.exp(logits[:-1]).sum(-1))
        chosen = logits[np.arange(len(part) - 1), part[1:]]
        sums.append(float((log_sum - chosen).sum()))
    perplexity = float(np.exp(sum(sums) / (len(sums) * (WINDOW - 1))))
    return {"tokens": len(ids), "negative_logs": sums, "perplexity": perplexity}


def main():
    outcomes = encoder_outcomes()
    outcomes["whole"] = negative_logs(None)
    outcomes["skipped"] = negative_logs("<unk>")
    text = json.dumps(outcomes, indent=1, ensure_ascii=False)
    (HERE / "outcomes.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
