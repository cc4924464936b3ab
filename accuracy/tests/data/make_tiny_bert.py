#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the tiny random BERT checkpoint of the tests and what it must compute.

An implementation of its own in float64, text by text and head by head, without batches or
padding. Needs numpy. Writes into tiny_bert/ beside this file:

    config.json, tokenizer.json, model.safetensors   the checkpoint
    adapter.safetensors                               a rank-3 adapter
    expected.safetensors                              inputs, hidden states, q, k, v, attention

    python3 accuracy/tests/data/make_tiny_bert.py
"""

import json
import math
import struct
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "tiny_bert"
HIDDEN, LAYERS, HEADS, WIDE, POSITIONS, TYPES, RANK = 12, 2, 3, 20, 24, 2, 3
D = HIDDEN // HEADS
EPS = 1e-12
WORDS = """[PAD] [UNK] [CLS] [SEP] what lifts the boat a lock keeper opens gates and water
rises . ? , ##s slow ##ly""".split()
# Each text: token ids and their segments.
TEXTS = [
    ([2, 4, 5, 6, 7, 17, 3, 8, 9, 5, 6, 7, 16, 3], [0] * 7 + [1] * 7),
    ([2, 6, 10, 11, 6, 12, 3], [0] * 7),
]


def save(path, tensors):
    """Writes float32 and int64 arrays as a safetensors file."""
    header, data = {}, b""
    for name, array in tensors.items():
        array = np.asarray(array)
        integer = array.dtype.kind == "i"
        raw = array.astype("<i8" if integer else "<f4").tobytes()
        header[name] = {
            "dtype": "I64" if integer else "F32",
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def random_weights(rng):
    # Rounded to float32 as they are stored; all further arithmetic is in float64.
    def normal(*shape, scale=0.4, mean=0.0):
        return (mean + scale * rng.standard_normal(shape)).astype("<f4").astype(float)

    w = {
        "embeddings.word_embeddings.weight": normal(len(WORDS), HIDDEN),
        "embeddings.position_embeddings.weight": normal(POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": normal(TYPES, HIDDEN),
    }

    def norm(name):
        w[f"{name}.weight"] = normal(HIDDEN, scale=0.2, mean=1.0)
        w[f"{name}.bias"] = normal(HIDDEN, scale=0.2)

    norm("embeddings.LayerNorm")
    for i in range(LAYERS):
        p = f"encoder.layer.{i}"
        for name, inputs, outputs in LINEAR.values():
            w[f"{p}.{name}.weight"] = normal(outputs, inputs)
            w[f"{p}.{name}.bias"] = normal(outputs)
        norm(f"{p}.attention.output.LayerNorm")
        norm(f"{p}.output.LayerNorm")

    a = {}
    for i in range(LAYERS):
        for short, (_, inputs, outputs) in LINEAR.items():
            a[f"layers.{i}.{short}.a"] = normal(RANK, inputs)
            a[f"layers.{i}.{short}.b"] = normal(outputs, RANK)
        for short in ("ln1", "ln2"):
            a[f"layers.{i}.{short}.weight"] = normal(HIDDEN, scale=0.2, mean=1.0)
            a[f"layers.{i}.{short}.bias"] = normal(HIDDEN, scale=0.2)
    a["ln.weight"] = normal(HIDDEN, scale=0.2, mean=1.0)
    a["ln.bias"] = normal(HIDDEN, scale=0.2)
    a["head.weight"] = normal(2, HIDDEN)
    a["head.bias"] = normal(2)
    return w, a


LINEAR = {
    "q": ("attention.self.query", HIDDEN, HIDDEN),
    "k": ("attention.self.key", HIDDEN, HIDDEN),
    "v": ("attention.self.value", HIDDEN, HIDDEN),
    "o": ("attention.output.dense", HIDDEN, HIDDEN),
    "f1": ("intermediate.dense", HIDDEN, WIDE),
    "f2": ("output.dense", WIDE, HIDDEN),
}


def adapted(w, a):
    w = dict(w)
    for i in range(LAYERS):
        p = f"encoder.layer.{i}"
        for short, (name, _, _) in LINEAR.items():
            low_rank = a[f"layers.{i}.{short}.b"] @ a[f"layers.{i}.{short}.a"]
            w[f"{p}.{name}.weight"] = w[f"{p}.{name}.weight"] + 2.0 * low_rank
        for part in ("weight", "bias"):
            w[f"{p}.attention.output.LayerNorm.{part}"] = a[f"layers.{i}.ln1.{part}"]
            w[f"{p}.output.LayerNorm.{part}"] = a[f"layers.{i}.ln2.{part}"]
    for part in ("weight", "bias"):
        w[f"embeddings.LayerNorm.{part}"] = a[f"ln.{part}"]
    return w


def layer_norm(w, name, x):
    x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS)
    return x * w[f"{name}.weight"] + w[f"{name}.bias"]


def linear(w, name, x):
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def gelu(x):
    return 0.5 * x * (1.0 + np.vectorize(math.erf)(x / math.sqrt(2.0)))


def forward(w, ids, types):
    """Hidden states, and q, k, v and attention of all heads, for one text."""
    x = (
        w["embeddings.word_embeddings.weight"][ids]
        + w["embeddings.token_type_embeddings.weight"][types]
        + w["embeddings.position_embeddings.weight"][: len(ids)]
    )
    x = layer_norm(w, "embeddings.LayerNorm", x)
    recorded = {"q": [], "k": [], "v": [], "probabilities": []}
    for i in range(LAYERS):
        p = f"encoder.layer.{i}"
        q, k, v = (linear(w, f"{p}.attention.self.{n}", x) for n in ("query", "key", "value"))
        context = []
        for h in range(HEADS):
            part = slice(h * D, (h + 1) * D)
            e = np.exp(q[:, part] @ k[:, part].T / math.sqrt(D))
            attention = e / e.sum(-1, keepdims=True)
            context.append(attention @ v[:, part])
            for name, value in zip(
                recorded, (q[:, part], k[:, part], v[:, part], attention), strict=True
            ):
                recorded[name].append(value)
        x = layer_norm(
            w,
            f"{p}.attention.output.LayerNorm",
            x + linear(w, f"{p}.attention.output.dense", np.concatenate(context, -1)),
        )
        wide = gelu(linear(w, f"{p}.intermediate.dense", x))
        x = layer_norm(w, f"{p}.output.LayerNorm", x + linear(w, f"{p}.output.dense", wide))
    return x, {name: np.stack(values) for name, values in recorded.items()}


def tokenizer():
    special = lambda name, kind: {"SpecialToken": {"id": name, "type_id": kind}}
    sequence = lambda name, kind: {"Sequence": {"id": name, "type_id": kind}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": i, "content": word, "special": True, "single_word": False,
                "lstrip": False, "rstrip": False, "normalized": False,
            }
            for i, word in enumerate(WORDS[:4])
        ],
        "normalizer": {
            "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
            "strip_accents": None, "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0)],
            "pair": [
                special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0),
                sequence("B", 1), special("[SEP]", 1),
            ],
            "special_tokens": {
                name: {"id": name, "ids": [WORDS.index(name)], "tokens": [name]}
                for name in ("[CLS]", "[SEP]")
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {word: i for i, word in enumerate(WORDS)},
        },
    }


def main():
    FOLDER.mkdir(exist_ok=True)
    weights, adapter = random_weights(np.random.default_rng(20210806))
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": len(WORDS),
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": WIDE,
        "max_position_embeddings": POSITIONS,
        "type_vocab_size": TYPES,
        "layer_norm_eps": EPS,
        "hidden_act": "gelu",
        "pad_token_id": 0,
    }
    (FOLDER / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (FOLDER / "tokenizer.json").write_text(json.dumps(tokenizer(), indent=1) + "\n")
    # Checkpoints hold integers, too; they are not weights.
    positions = {"embeddings.position_ids": np.arange(POSITIONS)[None]}
    save(FOLDER / "model.safetensors", {**positions, **weights})
    save(FOLDER / "adapter.safetensors", adapter)

    expected = {}
    for i, (ids, types) in enumerate(TEXTS):
        expected[f"{i}.ids"] = np.array(ids)
        expected[f"{i}.types"] = np.array(types)
        hidden, recorded = forward(weights, ids, types)
        expected[f"{i}.hidden"] = hidden
        expected |= {f"{i}.{name}": value for name, value in recorded.items()}
        hidden, _ = forward(adapted(weights, adapter), ids, types)
        expected[f"{i}.adapted"] = hidden
        expected[f"{i}.logits"] = hidden @ adapter["head.weight"].T + adapter["head.bias"]
    save(FOLDER / "expected.safetensors", expected)


if __name__ == "__main__":
    main()
