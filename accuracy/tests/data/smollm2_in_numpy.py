#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Perplexity of SmolLM2-135M-Instruct on the first 512 tokens of a text, in float64.

Shares nothing with the program: the file is read and dequantized by the ggml project's own
package, tokens and forward pass are written here from the published formulas. Needs the packages
numpy, gguf and regex, and about a minute:

    python3 accuracy/tests/data/smollm2_in_numpy.py \\
        .tools/models/SmolLM2-135M-Instruct.Q4_1.gguf accuracy/data/prose.txt
"""

import math
import sys

import numpy as np
import regex
from gguf import GGUFReader
from gguf.quants import dequantize

TOKENS, LAYERS, HEADS, KV_HEADS, D = 512, 30, 9, 3, 64
EPS, BASE = 1e-5, 100_000.0
# Single digits first, then the words of GPT-2.
DIGIT = r"(\p{N})"
WORD = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def byte_names():
    """The printable character that stands for each byte, as GPT-2 has it."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(others)}


def texts(reader, key):
    field = reader.fields[key]
    return [bytes(field.parts[i]).decode() for i in field.data]


def tokenize(reader, text):
    ids = {token: i for i, token in enumerate(texts(reader, "tokenizer.ggml.tokens"))}
    merges = texts(reader, "tokenizer.ggml.merges")
    ranks = {tuple(merge.split(" ")): i for i, merge in enumerate(merges)}
    names = byte_names()
    tokens = []
    for piece in regex.split(DIGIT, text):
        for word in regex.findall(WORD, piece):
            symbols = [names[b] for b in word.encode()]
            while len(symbols) > 1:
                pairs = list(zip(symbols, symbols[1:]))
                at = min(range(len(pairs)), key=lambda i: ranks.get(pairs[i], math.inf))
                if pairs[at] not in ranks:
                    break
                symbols[at : at + 2] = ["".join(pairs[at])]
            tokens += [ids[s] for s in symbols]
    return tokens


def rms_norm(x, weight):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS) * weight


def rotate(x):
    """Dimensions 2 i and 2 i + 1 are one complex number."""
    pairs = x[:, 0::2] + 1j * x[:, 1::2]
    angle = np.arange(len(x))[:, None] * BASE ** (-np.arange(0, D, 2) / D)
    turned = pairs * np.exp(1j * angle)
    return np.stack([turned.real, turned.imag], -1).reshape(x.shape)


def attend(q, k, v):
    scores = q @ k.T / math.sqrt(D)
    scores[np.triu_indices(len(q), 1)] = -np.inf
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True) @ v


def forward(weight, tokens):
    """Logits of all tokens."""
    embeddings = weight("token_embd")
    x = embeddings[tokens]
    for i in range(LAYERS):
        w = lambda name, layer=i: weight(f"blk.{layer}.{name}")
        y = rms_norm(x, w("attn_norm"))
        q, k, v = (y @ w(f"attn_{n}").T for n in "qkv")
        part = lambda all_heads, head: all_heads[:, head * D : (head + 1) * D]
        context = []
        for head in range(HEADS):
            shared = head // (HEADS // KV_HEADS)
            own = rotate(part(q, head)), rotate(part(k, shared)), part(v, shared)
            context.append(attend(*own))
        x = x + np.concatenate(context, -1) @ w("attn_output").T
        y = rms_norm(x, w("ffn_norm"))
        gate = y @ w("ffn_gate").T
        x = x + (gate / (1 + np.exp(-gate)) * (y @ w("ffn_up").T)) @ w("ffn_down").T
    return rms_norm(x, weight("output_norm")) @ embeddings.T


def main():
    model, text = sys.argv[1:]
    reader = GGUFReader(model)
    tensors = {tensor.name: tensor for tensor in reader.tensors}

    def weight(name):
        tensor = tensors[f"{name}.weight"]
        values = dequantize(tensor.data, tensor.tensor_type).astype(float)
        return values.ravel() if name.endswith("norm") else values

    with open(text, encoding="utf8") as file:
        tokens = tokenize(reader, file.read())[:TOKENS]
    logits = forward(weight, tokens)[:-1]
    largest = logits.max(-1)
    log_sum = largest + np.log(np.exp(logits - largest[:, None]).sum(-1))
    chosen = logits[np.arange(len(tokens) - 1), tokens[1:]]
    print(f"{len(tokens)} tokens, perplexity {math.exp((log_sum - chosen).mean()):.4f}")


if __name__ == "__main__":
    main()
