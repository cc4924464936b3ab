#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the tiny random Llama checkpoints of the tests and what they must compute.

An implementation of its own in float64 of the published formulas, text by text and head by head,
and of byte-pair encoding. Needs numpy. Writes into tiny_llama/ beside this file:

    tiny.gguf                                       embeddings Q8_0, feed_forward down Q4_1, else
                                                    F32; tied; rotates neighboring dimensions
    config.json, tokenizer.json, model.safetensors  another one, F16; own output layer; rotates
                                                    dimensions half a head apart
    expected.safetensors, texts.json                token ids, hidden states, logits, v, attention
                                                    and its output

    python3 accuracy/tests/data/make_tiny_llama.py
"""

import json
import math
import re
import struct
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "tiny_llama"
HIDDEN, LAYERS, HEADS, KV_HEADS, WIDE, POSITIONS = 32, 2, 4, 2, 32, 64
EPS = 1e-5
# Head dimension and base of the angles.
GGUF = {"d": 8, "base": 500.0}
CHECKPOINT = {"d": 6, "base": 1000.0}
TEXTS = ["The keeper of the café winds 12 lamps, then\n  rests.", "Another tin can't <|end|>on"]
LOGIT_ROWS = 3

SPECIAL = ["<|end|>", "<|start|>"]
FIRST = 1
MERGES = [
    ("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("i", "n"), ("e", "r"), ("Ġ", "a"), ("o", "n"),
    ("1", "2"), ("Ã", "©"), ("'", "t"), ("Ġ", "Ġ"),
]


def byte_names():
    """The printable character that stands for each byte, as GPT-2 has it."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(others)}


NAMES = byte_names()
VOCABULARY = SPECIAL + [NAMES[b] for b in range(256)] + [a + b for a, b in MERGES]
SPLIT = re.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\w\s]|_)+|\s+(?!\S)|\s+"
)


def tokenize(text):
    """Byte-pair encoding: special tokens, then single digits, then words; merges by rank."""
    ids = [FIRST]
    for part in re.split("(" + "|".join(map(re.escape, SPECIAL)) + ")", text):
        if part in SPECIAL:
            ids.append(SPECIAL.index(part))
            continue
        for piece in re.split(r"(\d)", part):
            for word in SPLIT.findall(piece):
                symbols = [NAMES[b] for b in word.encode()]
                while True:
                    pairs = list(zip(symbols, symbols[1:]))
                    ranks = [MERGES.index(p) for p in pairs if p in MERGES]
                    if not ranks:
                        break
                    best = MERGES[min(ranks)]
                    at = pairs.index(best)
                    symbols[at : at + 2] = ["".join(best)]
                ids += [VOCABULARY.index(s) for s in symbols]
    return ids


def random_weights(rng, d):
    def normal(*shape, scale=0.4, mean=0.0):
        # Rounded to half precision; all further arithmetic is in float64.
        return (mean + scale * rng.standard_normal(shape)).astype("<f2").astype(float)

    w = {"embeddings": normal(len(VOCABULARY), HIDDEN), "norm": normal(HIDDEN, scale=0.2, mean=1.0)}
    for i in range(LAYERS):
        w[f"{i}.q"] = normal(HEADS * d, HIDDEN)
        w[f"{i}.k"] = normal(KV_HEADS * d, HIDDEN)
        w[f"{i}.v"] = normal(KV_HEADS * d, HIDDEN)
        w[f"{i}.o"] = normal(HIDDEN, HEADS * d)
        w[f"{i}.gate"] = normal(WIDE, HIDDEN)
        w[f"{i}.up"] = normal(WIDE, HIDDEN)
        w[f"{i}.down"] = normal(HIDDEN, WIDE)
        w[f"{i}.attention_norm"] = normal(HIDDEN, scale=0.2, mean=1.0)
        w[f"{i}.feed_forward_norm"] = normal(HIDDEN, scale=0.2, mean=1.0)
    return w


def rms_norm(x, weight):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS) * weight


def rotate_neighbors(x, base):
    """RoPE as in the paper: dimensions 2 i and 2 i + 1 are one complex number."""
    tokens, d = x.shape
    pairs = x[:, 0::2] + 1j * x[:, 1::2]
    angle = np.arange(tokens)[:, None] * base ** (-np.arange(0, d, 2) / d)
    turned = pairs * np.exp(1j * angle)
    return np.stack([turned.real, turned.imag], -1).reshape(tokens, d)


def rotate_halves(x, base):
    """RoPE with dimensions i and i + D / 2 as one complex number."""
    tokens, d = x.shape
    angle = np.arange(tokens)[:, None] * base ** (-np.arange(0, d, 2) / d)
    angle = np.concatenate([angle, angle], -1)
    half = np.concatenate([-x[:, d // 2 :], x[:, : d // 2]], -1)
    return x * np.cos(angle) + half * np.sin(angle)


def forward(w, ids, kind, rotate):
    """Normalized hidden states, logits, and what the attention of all heads was."""
    d, base = kind["d"], kind["base"]
    x = w["embeddings"][ids]
    tokens = len(ids)
    recorded = {"v": [], "probabilities": [], "context": []}
    for i in range(LAYERS):
        y = rms_norm(x, w[f"{i}.attention_norm"])
        q, k, v = (y @ w[f"{i}.{n}"].T for n in "qkv")
        context = []
        for h in range(HEADS):
            own = slice(h * d, (h + 1) * d)
            n = h // (HEADS // KV_HEADS)
            shared = slice(n * d, (n + 1) * d)
            query, key = rotate(q[:, own], base), rotate(k[:, shared], base)
            attention = np.zeros((tokens, tokens))
            for row in range(tokens):
                e = np.exp(query[row] @ key[: row + 1].T / math.sqrt(d))
                attention[row, : row + 1] = e / e.sum()
            context.append(attention @ v[:, shared])
            recorded["probabilities"].append(attention)
            recorded["context"].append(context[-1])
        recorded["v"] += [v[:, n * d : (n + 1) * d] for n in range(KV_HEADS)]
        x = x + np.concatenate(context, -1) @ w[f"{i}.o"].T
        y = rms_norm(x, w[f"{i}.feed_forward_norm"])
        gate = y @ w[f"{i}.gate"].T
        x = x + (gate / (1 + np.exp(-gate)) * (y @ w[f"{i}.up"].T)) @ w[f"{i}.down"].T
    x = rms_norm(x, w["norm"])
    logits = x @ w.get("output", w["embeddings"]).T
    return x, logits, {name: np.stack(values) for name, values in recorded.items()}


def q8_0(x):
    """Blocks of 32: a scale in half precision and 32 signed bytes; and what they stand for."""
    blocks = x.reshape(-1, 32)
    d = (np.abs(blocks).max(-1, keepdims=True) / 127).astype("<f2")
    q = np.clip(np.rint(blocks / d.astype(float)), -127, 127).astype("i1")
    raw = b"".join(d[i].tobytes() + q[i].tobytes() for i in range(len(blocks)))
    return raw, (d.astype(float) * q).reshape(x.shape)


def q4_1(x):
    """Blocks of 32: scale and minimum in half precision, and 32 numbers of 4 bits, the first 16
    of them in the low halves of the bytes."""
    blocks = x.reshape(-1, 32)
    low = blocks.min(-1, keepdims=True).astype("<f2")
    d = ((blocks.max(-1, keepdims=True) - low.astype(float)) / 15).astype("<f2")
    q = np.clip(np.rint((blocks - low.astype(float)) / d.astype(float)), 0, 15).astype("u1")
    packed = q[:, :16] | (q[:, 16:] << 4)
    raw = b"".join(
        d[i].tobytes() + low[i].tobytes() + packed[i].tobytes() for i in range(len(blocks))
    )
    return raw, (d.astype(float) * q + low.astype(float)).reshape(x.shape)


def gguf_string(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def gguf_value(value):
    """Type and bytes of a metadata value."""
    if isinstance(value, bool):
        return 7, struct.pack("<B", value)
    if isinstance(value, int):
        return 4, struct.pack("<I", value)
    if isinstance(value, float):
        return 6, struct.pack("<f", value)
    if isinstance(value, str):
        return 8, gguf_string(value)
    items = [gguf_value(v) for v in value]
    kind = 5 if isinstance(value[0], int) else items[0][0]
    return 9, struct.pack("<IQ", kind, len(items)) + b"".join(raw for _, raw in items)


def save_gguf(path, metadata, tensors):
    """Tensors: name to (type, shape, bytes)."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        kind, raw = gguf_value(value)
        head += gguf_string(key) + struct.pack("<I", kind) + raw
    data = b""
    for name, (kind, shape, raw) in tensors.items():
        head += gguf_string(name) + struct.pack("<I", len(shape))
        head += struct.pack(f"<{len(shape)}Q", *reversed(shape))
        head += struct.pack("<IQ", kind, len(data))
        data += raw + b"\0" * (-len(raw) % 32)
    path.write_bytes(head + b"\0" * (-len(head) % 32) + data)


def save_safetensors(path, tensors, float_type):
    """Writes floats and int64 arrays as a safetensors file."""
    header, data = {}, b""
    for name, array in tensors.items():
        array = np.asarray(array)
        integer = array.dtype.kind == "i"
        raw = array.astype("<i8" if integer else float_type).tobytes()
        header[name] = {
            "dtype": "I64" if integer else {"<f4": "F32", "<f2": "F16"}[float_type],
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


GGUF_NAMES = {
    "q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output", "gate": "ffn_gate",
    "up": "ffn_up", "down": "ffn_down", "attention_norm": "attn_norm",
    "feed_forward_norm": "ffn_norm",
}
CHECKPOINT_NAMES = {
    "q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj",
    "o": "self_attn.o_proj", "gate": "mlp.gate_proj", "up": "mlp.up_proj",
    "down": "mlp.down_proj", "attention_norm": "input_layernorm",
    "feed_forward_norm": "post_attention_layernorm",
}


def write_gguf(rng):
    """Writes tiny.gguf; returns the weights that it stands for."""
    w = random_weights(rng, GGUF["d"])
    raw, w["embeddings"] = q8_0(w["embeddings"])
    tensors = {"token_embd.weight": (8, w["embeddings"].shape, raw)}
    for i in range(LAYERS):
        for short, name in GGUF_NAMES.items():
            x = w[f"{i}.{short}"]
            if short == "down":
                raw, w[f"{i}.{short}"] = q4_1(x)
                kind = 3
            else:
                raw, kind = x.astype("<f4").tobytes(), 0
            tensors[f"blk.{i}.{name}.weight"] = (kind, x.shape, raw)
    tensors["output_norm.weight"] = (0, w["norm"].shape, w["norm"].astype("<f4").tobytes())
    metadata = {
        "general.architecture": "llama",
        "general.name": "tiny",
        "llama.block_count": LAYERS,
        "llama.context_length": POSITIONS,
        "llama.embedding_length": HIDDEN,
        "llama.feed_forward_length": WIDE,
        "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": KV_HEADS,
        "llama.attention.layer_norm_rms_epsilon": EPS,
        "llama.rope.freq_base": GGUF["base"],
        "llama.rope.dimension_count": GGUF["d"],
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": VOCABULARY,
        "tokenizer.ggml.token_type": [3] * len(SPECIAL) + [1] * (len(VOCABULARY) - len(SPECIAL)),
        "tokenizer.ggml.merges": [f"{a} {b}" for a, b in MERGES],
        "tokenizer.ggml.bos_token_id": FIRST,
        "tokenizer.ggml.add_bos_token": True,
    }
    save_gguf(FOLDER / "tiny.gguf", metadata, tensors)
    return w


def write_checkpoint(rng):
    """Writes the checkpoint folder; returns its weights."""
    w = random_weights(rng, CHECKPOINT["d"])
    w["output"] = (0.4 * rng.standard_normal(w["embeddings"].shape)).astype("<f2").astype(float)
    names = {"embeddings": "model.embed_tokens", "norm": "model.norm", "output": "lm_head"}
    for i in range(LAYERS):
        for short, name in CHECKPOINT_NAMES.items():
            names[f"{i}.{short}"] = f"model.layers.{i}.{name}"
    tensors = {f"{names[key]}.weight": value for key, value in w.items()}
    save_safetensors(FOLDER / "model.safetensors", tensors, "<f2")
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(VOCABULARY),
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": CHECKPOINT["d"],
        "intermediate_size": WIDE,
        "max_position_embeddings": POSITIONS,
        "rms_norm_eps": EPS,
        "rope_theta": CHECKPOINT["base"],
        "rope_scaling": None,
        "hidden_act": "silu",
        "attention_bias": False,
        "tie_word_embeddings": False,
    }
    (FOLDER / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (FOLDER / "tokenizer.json").write_text(json.dumps(tokenizer(), indent=1) + "\n")
    return w


def tokenizer():
    byte_level = {
        "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True,
    }
    first = {"SpecialToken": {"id": SPECIAL[FIRST], "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": i, "content": token, "special": True, "single_word": False,
                "lstrip": False, "rstrip": False, "normalized": False,
            }
            for i, token in enumerate(SPECIAL)
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level],
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [first, text],
            "pair": [first, text, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {
                SPECIAL[FIRST]: {"id": SPECIAL[FIRST], "ids": [FIRST], "tokens": [SPECIAL[FIRST]]}
            },
        },
        "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
            "vocab": {token: i for i, token in enumerate(VOCABULARY)},
            "merges": [f"{a} {b}" for a, b in MERGES],
        },
    }


def main():
    FOLDER.mkdir(exist_ok=True)
    rng = np.random.default_rng(20230227)
    models = {
        "gguf": (write_gguf(rng), GGUF, rotate_neighbors),
        "folder": (write_checkpoint(rng), CHECKPOINT, rotate_halves),
    }
    expected = {}
    for t, text in enumerate(TEXTS):
        ids = tokenize(text)
        expected[f"{t}.ids"] = np.array(ids)
        for name, model in models.items():
            hidden, logits, recorded = forward(model[0], ids, *model[1:])
            key = f"{name}.{t}"
            expected[f"{key}.hidden"] = hidden
            expected[f"{key}.logits"] = logits[-LOGIT_ROWS:]
            log_sum = np.log(np.exp(logits[:-1]).sum(-1))
            chosen = logits[np.arange(len(ids) - 1), ids[1:]]
            expected[f"{key}.negative_log"] = (log_sum - chosen).sum(keepdims=True)
            if t == 1:
                expected |= {f"{key}.{part}": value for part, value in recorded.items()}
    save_safetensors(FOLDER / "expected.safetensors", expected, "<f4")
    (FOLDER / "texts.json").write_text(json.dumps(TEXTS, indent=1) + "\n")


if __name__ == "__main__":
    main()
