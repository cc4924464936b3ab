#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes reports/accuracy.md: what each attention costs real models on real tasks.

    scripts/accuracy_report.py --data DIR [TASK...]     run what is named, or all, and write the page
    scripts/accuracy_report.py --page                   write the page from the JSON that is there
    scripts/accuracy_report.py --calibrate              make accuracy/registers/ again, and end
    scripts/accuracy_report.py --list --data DIR        print the commands, and end

DIR holds the texts, which are not in the repository: xquad.en.json, sst2-dev.tsv, stsb-en-test.csv,
wikitext2-test.txt (reports/README.md says where each is from). LOGATTN names the program; by
default it is target/release/logattn. Models are fetched by scripts/fetch-models.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "reports" / "accuracy"
REGISTERS = "accuracy/registers"
MINILM = ".tools/models/all-MiniLM-L6-v2"
SMOLLM2 = ".tools/models/SmolLM2-135M-Instruct.Q4_1.gguf"

# What each task is done with: arguments of `logattn`, the data's file, and how much of it.
TASKS = {
    "qa": (["--model", MINILM, "--adapter", "accuracy/adapters/qa.safetensors", "--task", "qa"],
           "xquad.en.json", []),
    "sst2": (["--model", MINILM, "--adapter", "accuracy/adapters/sst2.safetensors", "--task", "classify"],
             "sst2-dev.tsv", []),
    "stsb": (["--model", MINILM, "--task", "similarity"], "stsb-en-test.csv", []),
    "wikitext2": (["--model", SMOLLM2, "--task", "perplexity"], "wikitext2-test.txt", ["--limit", "40"]),
}
TITLES = {
    "qa": ("Question answering", "MiniLM with `accuracy/adapters/qa.safetensors`, XQuAD English (SQuAD v1.1 dev)"),
    "sst2": ("Sentiment", "MiniLM with `accuracy/adapters/sst2.safetensors`, SST-2 dev"),
    "stsb": ("Similarity", "MiniLM as it is, STS benchmark test"),
    "wikitext2": ("Language modeling", "SmolLM2-135M-Instruct (Q4_1), WikiText-2 test as distributed"),
}

# What the registers are calibrated on: the project's own text, none of the test data.
CALIBRATION = {
    "qa": ("accuracy/data/questions.json", "edge", "0.76", []),
    "sst2": ("accuracy/data/sentences.tsv", "edge", "0.8", []),
    "stsb": ("accuracy/data/sentences.tsv", "edge", "0.6", []),
    "wikitext2": ("accuracy/data/prose.txt", "edge", "0.8",
                  ["--window", "444", "--shifts", "8/6/5/4/3/2/1"]),
}

# Attention and what the table calls it.
COMMON = [
    ("float", "float"),
    ("int8", "int8 Q, K and V"),
    ("prune:2^-7,renormalize", "pruned below 2^-7, renormalized"),
    ("prune:2^-8.5", "pruned below 2^-8.5"),
    ("prune:2^-8.5,renormalize", "pruned below 2^-8.5, renormalized"),
    ("paper", "the paper's 3 bits, float"),
    ("paper,renormalize", "the paper's 3 bits, renormalized, float"),
    ("golden:paper", "the paper's levels on the unit (`paper`, renormalized)"),
    ("golden:edge,lowest=7.5", "**3 bits, powers of two**, lowest edge 2^-7.5"),
    ("golden:edge", "lowest edge 2^-7.75 (`edge`)"),
    ("golden:edge,lowest=8.5", "lowest edge 2^-8.5"),
    ("golden:edge,normalize=none", "2^-7.75, not normalized"),
    ("golden:edge,input=scores", "2^-7.75, **scores: no multiplier after Q K^T but the reciprocal's**"),
    ("golden:edge,input=scores,lowest=8.5,normalize=complement",
     "2^-8.5, scores, complement: no multiplier and no divider"),
    ("golden:{registers}/{task}.toml", "calibrated, one set of registers"),
    ("golden:{registers}/{task}.registers.toml", "**calibrated, registers of each head**"),
    ("golden:edge_int8", "the int8 twin: 8-bit probabilities and values"),
]
# Thresholds at which sentences of 25 tokens are pruned as much as long texts are.
SHORT = [("prune:2^-4.5,renormalize", "pruned below 2^-4.5, renormalized"),
         ("prune:2^-6,renormalize", "pruned below 2^-6, renormalized")]
# SmolLM2 takes long and has larger scores than 12 bits hold.
DECODER = [
    ("float", "float"),
    ("int8", "int8 Q, K and V"),
    ("prune:2^-8.5,renormalize", "pruned below 2^-8.5, renormalized"),
    ("prune:2^-10,renormalize", "pruned below 2^-10, renormalized"),
    ("paper", "the paper's 3 bits, float"),
    ("paper,renormalize", "the paper's 3 bits, renormalized, float"),
    ("golden:edge,lowest=8.5", "**3 bits, powers of two**, lowest edge 2^-8.5"),
    ("golden:edge,input=scores,score_bits=16,lowest=8.5",
     "2^-8.5, **scores: no multiplier after Q K^T but the reciprocal's**"),
    ("golden:edge,input=scores,score_bits=16,lowest=8.5,normalize=complement",
     "2^-8.5, scores, complement: no multiplier and no divider"),
    ("golden:{registers}/{task}.toml", "calibrated, one set of registers"),
    ("golden:{registers}/{task}.registers.toml", "**calibrated, registers of each head**"),
    ("golden:{registers}/{task}.registers.toml,output_bits=16", "the same, outputs in 16 bits instead of 8"),
]
MORE = {"sst2": SHORT, "stsb": SHORT}


def attentions(task):
    """Specifications and names of a task's attentions."""
    place = lambda spec: spec.format(registers=REGISTERS, task=task)
    all_of_them = DECODER if task == "wikitext2" else COMMON + MORE.get(task, [])
    return [(place(spec), name) for spec, name in all_of_them]


def program():
    return os.environ.get("LOGATTN", "target/release/logattn")


def evaluation(task, data):
    """Arguments of `logattn` that evaluate a task."""
    model, file, limit = TASKS[task]
    specs = [part for spec, _ in attentions(task) for part in ("--attention", spec)]
    return ["accuracy", *model, "--data", str(Path(data) / file), *limit, *specs,
            "--json", f"reports/accuracy/{task}.json"]


def calibration(task):
    """Arguments of `logattn` that calibrate for a task."""
    text, config, sparsity, more = CALIBRATION[task]
    model = TASKS[task][0]
    # Sentences are labeled; what they say to each other does not matter here.
    model = [*model[:-1], "classify"] if task == "stsb" else model
    return ["calibrate", *model, "--data", text, "--config", config, "--sparsity", sparsity,
            *more, "--out", f"{REGISTERS}/{task}.toml"]


def run(arguments):
    print("$", shlex.join(["logattn", *arguments]), flush=True)
    status = subprocess.run([program(), *arguments], cwd=ROOT, check=False).returncode
    if status:
        sys.exit(status)


def without_place(file, data):
    """Names the folder of the texts DIR in a result's command: it is another one elsewhere."""
    text = file.read_text(encoding="utf8")
    result = json.loads(text)
    command = result["command"]
    file.write_text(text.replace(json.dumps(command), json.dumps(command.replace(data, "DIR"))),
                    encoding="utf8")


def number(metric, value):
    """A score with the digits that mean something."""
    if value is None:
        return "-"
    return f"{value:.4f}" if metric == "spearman" else f"{value:.2f}"


NAMES = {"exact_match": "EM", "f1": "F1", "accuracy": "accuracy", "spearman": "Spearman",
         "perplexity": "perplexity"}


def rows(result, names):
    """The table of a task."""
    metrics = [score["metric"] for score in result["attentions"][0]["scores"]]
    head = ["attention", "pruned"]
    for metric in metrics:
        head += [f"{NAMES[metric]} (95 % interval)", "loss (95 % interval)"]
    yield head
    for attention in result["attentions"]:
        values = attention["attention_values"]
        pruned = f"{100 * values['pruned_share']:.1f} %" if values["values"] else "-"
        row = [names[attention["attention"]], pruned]
        for score in attention["scores"]:
            metric = score["metric"]
            value = number(metric, score["value"])
            if score["interval"]:
                low, high = (number(metric, x) for x in score["interval"])
                value += f" ({low} to {high})"
            loss = "-"
            if score["loss_percent"] is not None:
                low, high = score["loss_interval"] or (None, None)
                loss = f"{score['loss_percent']:+.2f} %"
                if low is not None:
                    loss += f" ({low:+.2f} to {high:+.2f})"
            row += [value, loss]
        yield row


def page():
    """reports/accuracy.md from the results that are there."""
    text = (ROOT / "reports" / "accuracy_head.md").read_text(encoding="utf8")
    for task, (title, what) in TITLES.items():
        file = RESULTS / f"{task}.json"
        if not file.is_file():
            sys.exit(f"error: {file.relative_to(ROOT)} is missing; run this with --data DIR {task}")
        result = json.loads(file.read_text(encoding="utf8"))
        text += f"\n## {title}\n\n{what}, {result['items']:,} {result['item']}"
        text += f", logattn {result['logattn']}: `scripts/accuracy_report.py --data DIR {task}`.\n\n"
        table = list(rows(result, dict(attentions(task))))
        for index, row in enumerate(table):
            text += "| " + " | ".join(row) + " |\n"
            if index == 0:
                text += "|" + "---|" * len(row) + "\n"
    pending = ROOT / "reports" / "accuracy.md.pending"
    pending.write_text(text, encoding="utf8")
    pending.replace(ROOT / "reports" / "accuracy.md")
    print("written: reports/accuracy.md")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", metavar="DIR", help="folder with the texts")
    parser.add_argument("--page", action="store_true", help="write the page only")
    parser.add_argument("--calibrate", action="store_true", help="make the registers, and end")
    parser.add_argument("--list", action="store_true", help="print the commands, and end")
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"{', '.join(TASKS)}; default: all")
    arguments = parser.parse_args()
    for task in arguments.tasks:
        if task not in TASKS:
            parser.error(f"no task {task!r}; legal: {', '.join(TASKS)}")
    tasks = arguments.tasks or list(TASKS)
    if arguments.page:
        return page()
    if arguments.calibrate:
        (ROOT / REGISTERS).mkdir(exist_ok=True)
        for task in tasks:
            run(calibration(task))
        return None
    if not arguments.data:
        parser.error("--data DIR is missing; legal: a folder with " + ", ".join(t[1] for t in TASKS.values()))
    missing = [TASKS[task][1] for task in tasks if not (Path(arguments.data) / TASKS[task][1]).is_file()]
    if missing:
        parser.error(f"--data {arguments.data}: {missing[0]} is missing there")
    if arguments.list:
        for task in tasks:
            print(shlex.join(["logattn", *calibration(task)]))
            print(shlex.join(["logattn", *evaluation(task, arguments.data)]))
        return None
    RESULTS.mkdir(exist_ok=True)
    for task in tasks:
        run(evaluation(task, arguments.data))
        without_place(RESULTS / f"{task}.json", arguments.data)
    return page()


if __name__ == "__main__":
    main()
