#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains a low-rank adapter with a head for a BERT checkpoint.

    scripts/train_adapters.py --model .tools/models/all-MiniLM-L6-v2 --task qa \\
        --train train.json --held-out dev.json --out qa.safetensors
    scripts/train_adapters.py --model .tools/models/all-MiniLM-L6-v2 --task classify \\
        --train train.tsv --held-out dev.tsv --out sst2.safetensors

Every linear layer gets a pair a, b of rank 16 and computes with W + 2 b a (Hu et al., "LoRA", 2021,
equation 3); layer norms and a head are trained whole, word embeddings and all else stay. Data: files
in SQuAD's JSON format (qa), or tab-separated with the header `sentence<TAB>label` (classify). The
adapter, in fp16, is what `logattn accuracy --adapter` and `capture --adapter` read. --start goes on
from an adapter that is there. Needs torch, tokenizers, safetensors and numpy from PyPI; minutes on a
GPU, hours without.
"""

import argparse
import json
import math
import os
import random
import sys
from pathlib import Path

# Part of an encoder layer's linear weights, and what the adapter calls it.
LINEAR = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "o": "attention.output.dense",
    "f1": "intermediate.dense",
    "f2": "output.dense",
}
NORMS = {"ln1": "attention.output.LayerNorm", "ln2": "output.LayerNorm"}
# alpha / rank.
SCALE = 2.0
LONGEST, STRIDE = 384, 128


class BadInput(Exception):
    """What ends the program with one line and exit status 2."""


def read_questions(path):
    """(question, passage, first character of the answer, its end) of each question of a file."""
    try:
        articles = json.loads(Path(path).read_text(encoding="utf8"))["data"]
        paragraphs = [p for article in articles for p in article["paragraphs"]]
        found = []
        for paragraph in paragraphs:
            for question in paragraph["qas"]:
                answer = question["answers"][0]
                start, passage = answer["answer_start"], paragraph["context"]
                end = start + len(answer["text"])
                if passage[start:end] != answer["text"]:
                    raise BadInput(f"{path}: answer of `{question['id']}` is not at answer_start = {start}")
                found.append((question["question"], passage, start, end))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: {error}") from error
    except (KeyError, IndexError, TypeError) as error:
        raise BadInput(f"{path}: not in SQuAD's format: {error!r} is missing") from error
    if not found:
        raise BadInput(f"{path}: no question")
    return found


def read_sentences(path):
    """(sentence, label) of each line of a file."""
    try:
        lines = Path(path).read_text(encoding="utf8").splitlines()
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: {error}") from error
    if not lines or lines[0].split("\t") != ["sentence", "label"]:
        raise BadInput(f"{path}: line 1: legal: sentence<TAB>label")
    found = []
    for number, line in enumerate(lines[1:], 2):
        fields = line.split("\t")
        if len(fields) != 2 or not fields[1].isdigit():
            raise BadInput(f"{path}: line {number}: legal: a sentence, a tab and an integer of 0 or more")
        found.append((fields[0].strip(), int(fields[1])))
    if not found:
        raise BadInput(f"{path}: no sentence")
    return found


def encode_questions(tokenizer, questions):
    """Windows of question and passage: ids, segments, first and last token of the answer, which are
    0, the first token of all, where the window does not hold it."""
    tokenizer.enable_truncation(LONGEST, stride=STRIDE, strategy="only_second")
    examples = []
    for question, passage, start, end in questions:
        whole = tokenizer.encode(question, passage)
        for window in [whole, *whole.overflowing]:
            spans = zip(window.sequence_ids, window.offsets)
            inside = [i for i, (part, (a, b)) in enumerate(spans) if part == 1 and a < end and b > start]
            covered = inside and window.offsets[inside[0]][0] <= start and window.offsets[inside[-1]][1] >= end
            first, last = (inside[0], inside[-1]) if covered else (0, 0)
            examples.append((window.ids, window.type_ids, first, last))
    return examples


def encode_sentences(tokenizer, sentences):
    """ids, segments and label of each sentence, cut after as many tokens as the model reads."""
    tokenizer.enable_truncation(LONGEST)
    encoded = ((tokenizer.encode(sentence), label) for sentence, label in sentences)
    return [(e.ids, e.type_ids, label) for e, label in encoded]


def checkpoint(folder):
    """config.json, the tensors without the prefix of a model with a head, and the tokenizer."""
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    folder = Path(folder)
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (folder / name).is_file():
            raise BadInput(f"{folder / name} is missing (scripts/fetch-models gets all-MiniLM-L6-v2)")
    config = json.loads((folder / "config.json").read_text(encoding="utf8"))
    if config.get("model_type") != "bert":
        raise BadInput(f"{folder / 'config.json'}: model_type {config.get('model_type')}; legal: bert")
    weights = load_file(str(folder / "model.safetensors"))
    weights = {name.removeprefix("bert."): w.float() for name, w in weights.items() if w.is_floating_point()}
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    return config, weights, tokenizer


def new_adapter(config, weights, outputs, rank):
    """Untrained: b is 0, so that the model is what it was."""
    import torch

    adapter = {}
    for i in range(config["num_hidden_layers"]):
        for short, name in LINEAR.items():
            rows, columns = weights[f"encoder.layer.{i}.{name}.weight"].shape
            adapter[f"layers.{i}.{short}.a"] = torch.randn(rank, columns) / math.sqrt(columns)
            adapter[f"layers.{i}.{short}.b"] = torch.zeros(rows, rank)
        for short, name in NORMS.items():
            for part in ("weight", "bias"):
                adapter[f"layers.{i}.{short}.{part}"] = weights[f"encoder.layer.{i}.{name}.{part}"].clone()
    for part in ("weight", "bias"):
        adapter[f"ln.{part}"] = weights[f"embeddings.LayerNorm.{part}"].clone()
    adapter["head.weight"] = torch.randn(outputs, config["hidden_size"]) * 0.02
    adapter["head.bias"] = torch.zeros(outputs)
    return adapter


def started(path, fresh):
    """The adapter of a file, which must have the tensors of a fresh one."""
    from safetensors.torch import load_file

    adapter = {name: tensor.float() for name, tensor in load_file(path).items()}
    shapes = lambda tensors: {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if shapes(adapter) != shapes(fresh):
        wrong = sorted(set(shapes(adapter).items()) ^ set(shapes(fresh).items()))
        raise BadInput(f"{path}: does not fit model, task or rank: {wrong[0][0]}")
    return adapter


def forward(config, weights, adapter, batch):
    """Hidden states through the head: [texts, tokens, outputs]."""
    import torch
    import torch.nn.functional as F

    ids, segments, lengths = batch
    texts, tokens = ids.shape
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    eps = config["layer_norm_eps"]
    norm = lambda x, name: F.layer_norm(x, (hidden,), adapter[f"{name}.weight"], adapter[f"{name}.bias"], eps)
    table = lambda name: weights[f"embeddings.{name}_embeddings.weight"]
    x = table("word")[ids] + table("token_type")[segments] + table("position")[:tokens]
    x = norm(x, "ln")
    valid = torch.arange(tokens, device=ids.device)[None] < lengths[:, None]
    for i in range(config["num_hidden_layers"]):

        def linear(x, short):
            name = f"encoder.layer.{i}.{LINEAR[short]}"
            low_rank = x @ adapter[f"layers.{i}.{short}.a"].T @ adapter[f"layers.{i}.{short}.b"].T
            return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"]) + SCALE * low_rank

        split = lambda x: x.view(texts, tokens, heads, -1).transpose(1, 2)
        q, k, v = (split(linear(x, short)) for short in "qkv")
        context = F.scaled_dot_product_attention(q, k, v, attn_mask=valid[:, None, None])
        context = context.transpose(1, 2).reshape(texts, tokens, hidden)
        x = norm(linear(context, "o") + x, f"layers.{i}.ln1")
        x = norm(linear(F.gelu(linear(x, "f1")), "f2") + x, f"layers.{i}.ln2")
    return F.linear(x, adapter["head.weight"], adapter["head.bias"])


def padded(examples, device):
    """ids, segments and lengths of a batch as tensors."""
    import torch

    longest = max(len(example[0]) for example in examples)
    row = lambda ids: list(ids) + [0] * (longest - len(ids))
    ids, segments = ([row(example[part]) for example in examples] for part in (0, 1))
    lengths = [len(example[0]) for example in examples]
    return tuple(torch.tensor(x, device=device) for x in (ids, segments, lengths))


def loss(task, logits, batch, examples):
    """Mean cross entropy of the labels, or of the first and last tokens of the answers."""
    import torch
    import torch.nn.functional as F

    label = lambda part: torch.tensor([example[part] for example in examples], device=logits.device)
    logits = logits.float()
    if task == "classify":
        return F.cross_entropy(logits[:, 0], label(2))
    valid = torch.arange(logits.shape[1], device=logits.device)[None] < batch[2][:, None]
    logits = logits.masked_fill(~valid[..., None], -1e4)
    return (F.cross_entropy(logits[..., 0], label(2)) + F.cross_entropy(logits[..., 1], label(3))) / 2


def batches(examples, size, shuffle):
    """Examples of about one length together."""
    order = sorted(range(len(examples)), key=lambda i: (len(examples[i][0]), random.random()))
    groups = [[examples[i] for i in order[at : at + size]] for at in range(0, len(order), size)]
    if shuffle:
        random.shuffle(groups)
    return groups


def train(arguments, config, weights, adapter, examples, held_out):
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    weights = {name: tensor.to(device) for name, tensor in weights.items()}
    adapter = {name: tensor.to(device).requires_grad_() for name, tensor in adapter.items()}
    optimizer = torch.optim.AdamW(adapter.values(), lr=arguments.learning_rate, weight_decay=0.01)
    steps = arguments.epochs * math.ceil(len(examples) / arguments.batch)
    rate = lambda step: min((step + 1) / (0.06 * steps + 1), (steps - step) / steps)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)

    def of(group):
        batch = padded(group, device)
        with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
            logits = forward(config, weights, adapter, batch)
        return loss(arguments.task, logits, batch, group)

    def mean_loss():
        with torch.no_grad():
            groups = batches(held_out, arguments.batch, shuffle=False)
            return sum(of(group).item() * len(group) for group in groups) / len(held_out)

    if held_out:
        print(f"before: loss of held-out text {mean_loss():.4f}", flush=True)
    for epoch in range(arguments.epochs):
        total = 0.0
        for group in batches(examples, arguments.batch, shuffle=True):
            value = of(group)
            optimizer.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(adapter.values(), 1.0)
            optimizer.step()
            schedule.step()
            total += value.item() * len(group)
        text = f"epoch {epoch + 1}: loss {total / len(examples):.4f}"
        if held_out:
            text += f", of held-out text {mean_loss():.4f}"
        print(text, flush=True)
    return {name: tensor.detach().cpu() for name, tensor in adapter.items()}


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", required=True, help="checkpoint folder")
    add("--task", required=True, choices=["qa", "classify"])
    add("--train", required=True, nargs="+", help="files to train on")
    add("--held-out", nargs="*", default=[], help="files whose loss is printed")
    add("--start", help="adapter to go on from")
    add("--out", required=True, help="file to write")
    add("--rank", type=int, default=16)
    add("--epochs", type=int, default=3)
    add("--batch", type=int, default=32)
    add("--learning-rate", type=float, default=5e-4)
    add("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for name in ("rank", "epochs", "batch"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} {getattr(arguments, name)}; legal: at least 1")
    return arguments


def run(arguments):
    try:
        import torch
        from safetensors.torch import save_file
    except ImportError as error:
        raise BadInput(f"{error.name} is missing; pip install torch tokenizers safetensors numpy") from error
    random.seed(arguments.seed)
    torch.manual_seed(arguments.seed)
    read = read_questions if arguments.task == "qa" else read_sentences
    data = [example for path in arguments.train for example in read(path)]
    held_out = [example for path in arguments.held_out for example in read(path)]
    config, weights, tokenizer = checkpoint(arguments.model)
    encode = encode_questions if arguments.task == "qa" else encode_sentences
    outputs = 2 if arguments.task == "qa" else max(2, 1 + max(label for _, label in data))
    adapter = new_adapter(config, weights, outputs, arguments.rank)
    if arguments.start:
        adapter = started(arguments.start, adapter)
    encoded = [encode(tokenizer, part) if part else [] for part in (data, held_out)]
    adapter = train(arguments, config, weights, adapter, *encoded)
    pending = f"{arguments.out}.pending"
    save_file({name: tensor.half().contiguous() for name, tensor in adapter.items()}, pending)
    os.replace(pending, arguments.out)
    print(f"written: {arguments.out}")


if __name__ == "__main__":
    try:
        run(parse())
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
