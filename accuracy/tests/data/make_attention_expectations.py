#!/usr/bin/env python3
"""What quantizers and attentions must give, computed in double precision by the formulas as they
are published (Ji et al., arXiv 2106.01335), value by value; writes attention.json beside this
file. Nothing but Python 3 is needed (run with 3.11):

    python3 make_attention_expectations.py

Inputs are numbers of single precision, so that the program under test gets the same ones.
"""

import json
import math
import random
import struct
from pathlib import Path

LOWEST = 1e-3


def f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def neighbor(x, steps):
    """The number of single precision so many steps up (for x > 0)."""
    bits = struct.unpack("I", struct.pack("f", x))[0] + steps
    return struct.unpack("f", struct.pack("I", bits))[0]


def rounded(x):
    return math.floor(x + 0.5)


# The fixed quantizers, by name: a, k and whether 1 stays in the last bin.


def linear_nearest(a, k, clamp):
    n = 2**k - 1
    return rounded(a * n) / n


def linear_middle(a, k, clamp):
    m = 2**k
    i = math.floor(a * m)
    if clamp:
        i = min(i, m - 1)
    return 0.0 if i == 0 else (i + 0.5) / m


def linear_pruned_nearest(a, k, clamp):
    s = (1 - LOWEST) / (2**k - 1)
    return 0.0 if a <= LOWEST + s / 2 else LOWEST + rounded((a - LOWEST) / s) * s


def linear_pruned_middle(a, k, clamp):
    m = 2**k
    s = (1 - LOWEST) / m
    if a < LOWEST + s:
        return 0.0
    i = m if a == 1 else math.floor((a - LOWEST) / s)
    if clamp:
        i = min(i, m - 1)
    return LOWEST + (i + 0.5) * s


def log_nearest(a, k, clamp):
    t = -math.log2(LOWEST) / (2**k - 1)
    if a == 0 or math.log2(a) < math.log2(LOWEST) - t:
        return 0.0
    return 2 ** (-t * rounded(math.log2(a) / -t))


def log_middle(a, k, clamp):
    m = 2**k
    low = math.log2(1e-10)
    t = -low / m
    if a == 0 or a < 2 ** (low + t):
        return 0.0
    i = m if a == 1 else math.floor((math.log2(a) - low) / t)
    if clamp:
        i = min(i, m - 1)
    return 2 ** (low + (i + 0.5) * t)


def log_pruned_middle(a, k, clamp):
    n = 2**k - 1
    low = math.log2(LOWEST)
    t = -low / n
    if a < LOWEST:
        return 0.0
    i = min(math.floor((math.log2(a) - low) / t), n - 1)
    return 2 ** (low + (i + 0.5) * t)


FIXED = {
    "linear-nearest": (linear_nearest, False),
    "linear-middle": (linear_middle, True),
    "linear-pruned-nearest": (linear_pruned_nearest, False),
    "linear-pruned-middle": (linear_pruned_middle, True),
    "log-nearest": (log_nearest, False),
    "log-middle": (log_middle, True),
    "log-pruned-middle": (log_pruned_middle, False),
}


def an_edge(name, k, part):
    """About where a bin starts, some part of the way up."""
    n, m = 2**k - 1, 2**k
    if name == "linear-nearest":
        return (math.ceil(part * n) - 0.5) / n
    if name == "linear-middle":
        return math.ceil(part * m) / m
    if name == "linear-pruned-nearest":
        return LOWEST + (math.ceil(part * n) - 0.5) * (1 - LOWEST) / n
    if name == "linear-pruned-middle":
        return LOWEST + math.ceil(part * m) * (1 - LOWEST) / m
    if name == "log-nearest":
        return LOWEST ** ((math.floor(part * n) + 0.5) / n)
    if name == "log-middle":
        return 1e-10 ** (math.floor(part * m) / m)
    return LOWEST ** (math.ceil(part * n) / n)


COMMON = [0.0, 1.0, neighbor(1.0, -1), f32(1e-3), neighbor(f32(1e-3), -1), 0.5, 0.125]
COMMON += [f32(x) for x in (1e-38, 3e-10, 2e-5, 7e-4, 0.0105, 0.07, 0.3, 0.93751)]


def values_near_edges(name, k):
    values = []
    for part in (0.001, 0.37, 0.71):
        edge = f32(an_edge(name, k, part))
        values += [neighbor(edge, -1), neighbor(edge, 1)]
    return [v for v in values if 0 <= v <= 1]


# The quantizers that follow from all values.


def ranked_bins(name, values, k):
    """(least value, level) of each bin, from the lowest up, and the level below."""
    kept = sorted(values if name == "quantile-log-mean" else [v for v in values if v >= LOWEST])
    count = len(kept)
    if count == 0:
        return []
    if name == "binarization":
        return [(LOWEST, 1 / count)]
    if name == "quantile-linear-pruned":
        n = 2**k - 1
        size = max(count // n, 1)
        edges = [kept[b * size] for b in range(n) if b * size < count] + [kept[-1]]
        return [(low, (low + high) / 2) for low, high in zip(edges, edges[1:])]
    bins, start = [], 0
    for rank in range(1, 2**k + 1):
        size = count // 2**rank if rank < 2**k else count - start
        if size == 0:
            break
        bins.append(kept[start : start + size])
        start += size
    if start < count:
        bins.append(kept[start:])
    return [(b[0], sum(b) / len(b)) for b in bins]


def ranked_level(bins, a):
    reached = [level for edge, level in bins if a >= edge]
    return reached[-1] if reached else 0.0


RANKED = ["quantile-linear-pruned", "quantile-log-pruned-mean", "quantile-log-mean", "binarization"]


# Attention.


def attention_values(q, k, lengths, causal, group):
    """[text][head][row][keys that the row sees]"""
    d = len(q[0][0][0])
    out = []
    for text, length in enumerate(lengths):
        heads = []
        for head in range(len(q[text])):
            keys = k[text][head // group]
            rows = []
            for row in range(length):
                seen = row + 1 if causal else length
                logits = [
                    sum(x * y for x, y in zip(q[text][head][row], keys[key])) / math.sqrt(d)
                    for key in range(seen)
                ]
                top = max(logits)
                powers = [math.exp(x - top) for x in logits]
                rows.append([p / sum(powers) for p in powers])
            heads.append(rows)
        out.append(heads)
    return out


def int8(tensor, lengths):
    """Each text's and head's valid vectors to 8 bits and back."""
    out = []
    for text, length in zip(tensor, lengths):
        heads = []
        for head in text:
            scale = f32(max(abs(x) for vector in head[:length] for x in vector) / 127)
            away = lambda x: math.copysign(rounded(abs(x)), x)
            heads.append([[away(f32(x / scale)) * scale for x in vector] for vector in head])
        out.append(heads)
    return out


def weigher(spec, probabilities):
    """The function from a probability to its weight, and whether rows are renormalized."""
    name, _, rest = spec.partition(":")
    options = [o for o in rest.split(",") + name.split(",")[1:] if o]
    name = name.split(",")[0]
    renormalize = "renormalize" in options
    if name in ("float", "int8"):
        return (lambda a: a), renormalize
    if name == "prune":
        base, power, exponent = options[0].partition("^")
        threshold = float(base) ** float(exponent) if power else float(base)
        return (lambda a: a if a >= threshold else 0.0), renormalize
    bits = next((int(o[5:]) for o in options if o.startswith("bits=")), 3)
    if name == "paper":
        name = "log-pruned-middle"
    if name in FIXED:
        return (lambda a: FIXED[name][0](a, bits, "clamp" in options)), renormalize
    everything = [a for text in probabilities for head in text for row in head for a in row]
    bins = ranked_bins(name, everything, bits)
    return (lambda a: ranked_level(bins, a)), renormalize


def attend(spec, case):
    """Outputs, [text][head][row][D] without padding, and pruned values of each head."""
    q, k, v = case["q"], case["k"], case["v"]
    lengths, causal = case["lengths"], case["causal"]
    if spec == "int8":
        q, k, v = (int8(t, lengths) for t in (q, k, v))
    group = len(q[0]) // len(k[0])
    probabilities = attention_values(q, k, lengths, causal, group)
    weigh, renormalize = weigher(spec, probabilities)
    pruned = [0] * len(q[0])
    outputs = []
    for text, heads in enumerate(probabilities):
        out_heads = []
        for head, rows in enumerate(heads):
            values = v[text][head // group]
            d = len(values[0])
            out_rows = []
            for row in rows:
                weights = [weigh(a) for a in row]
                for a, w in zip(row, weights):
                    ranked = spec.startswith("quantile")
                    near = [w] if ranked or a == 1 else [weigh(a * (1 + e)) for e in (-3e-6, 3e-6)]
                    # Values this near to an edge could go either way in single precision.
                    assert all(abs(n - w) <= 4e-6 for n in near), (spec, a)
                if spec not in ("float", "int8"):
                    pruned[head] += sum(w == 0 for w in weights)
                total = sum(weights)
                if renormalize and total > 0:
                    weights = [w / total for w in weights]
                out_rows.append(
                    [sum(w * values[key][i] for key, w in enumerate(weights)) for i in range(d)]
                )
            out_heads.append(out_rows)
        outputs.append(out_heads)
    return outputs, pruned


def flat(x):
    return [z for y in x for z in flat(y)] if isinstance(x, list) else [x]


def short(numbers, digits=9):
    """Nine digits tell numbers of single precision apart."""
    return [float(f"{x:.{digits}g}") for x in numbers]


def main():
    quantizers = []
    for name, (formula, overshoots) in FIXED.items():
        for k in range(2, 17):
            for clamp in (False, True) if overshoots else (False,):
                near = values_near_edges(name, k)
                levels = short((formula(a, k, clamp) for a in COMMON + near), 8)
                case = {"name": name, "bits": k, "clamp": clamp}
                quantizers.append(case | {"near_edges": short(near), "levels": levels})

    rng = random.Random(7)
    ranks = [f32(10 ** rng.uniform(-6, 0)) for _ in range(90)] + [0.0, 1.0, 1.0, f32(1e-3)]
    ranks += [ranks[5]] * 7 + [0.0] * 3
    ranked = []
    for name in RANKED:
        for k in (2, 3, 4, 7, 16):
            bins = ranked_bins(name, ranks, k)
            levels = short(ranked_level(bins, a) for a in ranks)
            ranked.append({"name": name, "bits": k, "levels": levels})

    def tensor(texts, heads, tokens, d, scale):
        vector = lambda: [f32(scale * rng.gauss(0, 1)) for _ in range(d)]
        matrix = lambda: [vector() for _ in range(tokens)]
        return [[matrix() for _ in range(heads)] for _ in range(texts)]

    attention = []
    specs = ["float", "int8", "prune:0.1", "prune:2^-3,renormalize", "prune:1e-3", "paper"]
    specs += ["paper:renormalize", "log-middle:bits=4,clamp", "linear-nearest:bits=6,renormalize"]
    specs += [f"{name}:bits=3" for name in FIXED]
    specs += ["binarization"] + [f"{name}:bits=3" for name in RANKED[:3]]
    specs += ["quantile-log-pruned-mean:bits=2,renormalize", "binarization:renormalize"]
    for causal, kv_heads in ((False, 4), (True, 2)):
        case = {
            "causal": causal,
            "lengths": [5, 3],
            "q": tensor(2, 4, 5, 4, 1.2),
            "k": tensor(2, kv_heads, 5, 4, 1.2),
            "v": tensor(2, kv_heads, 5, 4, 1.0),
        }
        results = []
        for spec in specs:
            outputs, pruned = attend(spec, case)
            outputs = short(flat(outputs), 7)
            results.append({"specification": spec, "outputs": outputs, "pruned": pruned})
        seen = [n * (n + 1) // 2 if causal else n * n for n in case["lengths"]]
        case = case | {t: short(flat(case[t])) for t in "qkv"}
        shape = {"texts": 2, "heads": 4, "kv_heads": kv_heads, "tokens": 5, "dimension": 4}
        attention.append(shape | case | {"values_per_head": sum(seen), "results": results})

    everything = {
        "common_values": short(COMMON),
        "quantizers": quantizers,
        "ranked": {"values": short(ranks), "cases": ranked},
        "attention": attention,
    }
    file = Path(__file__).with_name("attention.json")
    file.write_text(json.dumps(everything, separators=(",", ":")).replace('},{"', '},\n{"') + "\n")


if __name__ == "__main__":
    main()
