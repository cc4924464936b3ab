# SPDX-License-Identifier: Apache-2.0
"""Fake quantization and P.V in numpy against the bit-exact model, same data, one run.

Usage: golden_vs_numpy.py EXAMPLE, the path of the built example `attend_heads`.

Both quantize attention probabilities to the seven powers of two 2^-1..2^-7 (edges midway in the
logarithm, lowest edge 2^-7.75), multiply them with 8-bit values, renormalize each row and round
to 8 bits. The probabilities lie on the grid of 2^-16, so both must give the same integers.
Prints both times and their ratio. Exits with 1 if the results differ.
"""

import os
import subprocess
import sys
import tempfile
import time

import numpy as np

HEADS, ROWS, KEYS, DIMENSION = 72, 256, 256, 32
LOWEST_EDGE = 2.0**-7.75
NUMPY_REPETITIONS = 15
GOLDEN_REPETITIONS = 100


def make_input(seed=1):
    """Softmax of normal scores: probabilities [HEADS, ROWS, KEYS] and values [HEADS, KEYS, D]."""
    random = np.random.default_rng(seed)
    # The spread at which about four of five probabilities fall below the lowest edge.
    scores = 2.0 * random.standard_normal((HEADS, ROWS, KEYS))
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    softmax = exponentials / exponentials.sum(axis=-1, keepdims=True)
    probabilities = (np.minimum(np.round(softmax * 2**16), 2**16 - 1) / 2**16).astype(np.float32)
    values = random.integers(-128, 128, (HEADS, KEYS, DIMENSION), dtype=np.int8)
    return probabilities, values


def quantize(probabilities):
    """Each probability's level: 0 or a power of two."""
    with np.errstate(divide="ignore"):
        exponents = np.floor(np.log2(probabilities) + np.float32(0.5))
    levels = np.exp2(np.clip(exponents, -7, -1))
    return np.where(probabilities >= np.float32(LOWEST_EDGE), levels, np.float32(0))


def attend(probabilities, values):
    """Sums [HEADS, ROWS, D], normalizers [HEADS, ROWS] and the rounded means."""
    levels = quantize(probabilities)
    sums = levels @ values.astype(np.float32)
    normalizers = levels.sum(axis=-1)
    means = sums / np.maximum(normalizers, np.float32(2**-7))[..., None]
    rounded = np.copysign(np.floor(np.abs(means) + np.float32(0.5)), means)
    return sums, normalizers, rounded.astype(np.int8)


def shortest(repetitions, function, *arguments):
    """The function's result and its shortest time in seconds."""
    result, best = function(*arguments), float("inf")
    for _ in range(repetitions):
        start = time.perf_counter()
        result = function(*arguments)
        best = min(best, time.perf_counter() - start)
    return result, best


def run_golden(example, probabilities, values):
    """The same from the bit-exact model, with its times in seconds."""
    with tempfile.TemporaryDirectory() as directory:
        probabilities.astype("<f4").tofile(os.path.join(directory, "probabilities.f32"))
        values.tofile(os.path.join(directory, "values.i8"))
        sizes = [HEADS, ROWS, KEYS, GOLDEN_REPETITIONS]
        command = [example, directory, *map(str, sizes)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        times = [float(field) for field in printed.split()]
        read = lambda name, kind: np.fromfile(os.path.join(directory, name), kind)
        sums = read("accumulators.i64", "<i8").reshape(HEADS, ROWS, DIMENSION)
        normalizers = read("normalizers.u64", "<u8").reshape(HEADS, ROWS)
        outputs = read("outputs.i32", "<i4").reshape(HEADS, ROWS, DIMENSION)
    return (sums, normalizers, outputs), times


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    probabilities, values = make_input()
    (sums, normalizers, means), numpy_time = shortest(
        NUMPY_REPETITIONS, attend, probabilities, values
    )
    _, quantize_time = shortest(NUMPY_REPETITIONS, quantize, probabilities)
    golden, (golden_time, golden_float_time) = run_golden(sys.argv[1], probabilities, values)
    pruned = np.mean(probabilities < LOWEST_EDGE)
    print(f"{HEADS} heads x {ROWS} rows x {KEYS} keys x {DIMENSION} elements, "
          f"{pruned:.1%} pruned, {os.cpu_count()} cores; shortest of several runs")
    print(f"numpy {np.__version__}, float32:        {numpy_time * 1e3:8.2f} ms "
          f"(quantization {quantize_time * 1e3:.2f} ms)")
    print(f"golden, from fixed point:    {golden_time * 1e3:8.2f} ms, "
          f"{numpy_time / golden_time:.1f} times as fast")
    print(f"golden, from float32:        {golden_float_time * 1e3:8.2f} ms, "
          f"{numpy_time / golden_float_time:.1f} times as fast")
    # Sums of at most 2^24 steps of 2^-7 are exact in float32, and so are the normalizers.
    same = (
        np.array_equal(sums * 128, golden[0]),
        np.array_equal(normalizers * 128, golden[1]),
        # float32 means may land on the other side of a half.
        np.abs(means.astype(np.int32) - golden[2]).max() <= 1,
    )
    if not all(same):
        sys.exit(f"results differ: sums, normalizers, means equal: {same}")
    print("sums and normalizers are equal on every bit, "
          f"rounded means but for {np.count_nonzero(means != golden[2])} of {means.size}")


if __name__ == "__main__":
    main()
