# SPDX-License-Identifier: Apache-2.0
"""Prints vectors/manifest.json as a C header, for driver_test.c: python3 vectors.py VECTORS"""

import json
import pathlib
import sys


def table(kind: str, name: str, rows: list[str]) -> str:
    """An array that ends with a row of zeros."""
    return f"static const struct {kind} {name}[] = {{\n    " + ",\n    ".join(rows + ["{0}"]) + "};\n"


def header(folder: pathlib.Path) -> str:
    """Everything that the manifest says of settings."""
    manifest = json.loads((folder / "manifest.json").read_text())
    size = {stream["name"]: stream["bits"] // 8 for stream in manifest["streams"]}
    text, settings = "", []
    for setting in manifest["settings"]:
        name = setting["name"]
        writes = [f"{{{write['offset']}u, {write['value']}u}}" for write in setting["writes"]]
        streams = [f'{{"{stream}", "{(folder / entry["file"]).as_posix()}", {size[stream]}u}}'
                   for stream, entry in setting["streams"].items()]
        counters = [f"{setting['counters'][f'COUNT_{counter}']}u"
                    for counter in ("ROWS", "KEYS", "SURVIVORS", "VALUE_READS")]
        text += table("vector_write", f"{name}_writes", writes)
        text += table("vector_stream", f"{name}_streams", streams)
        settings.append(f'{{"{name}", {name}_writes, {name}_streams, {", ".join(counters)}}}')
    return f"""/* Made by vectors.py. */
#include <stdint.h>

struct vector_write {{
    uint32_t offset, value;
}};
struct vector_stream {{
    const char *name, *file;
    uint32_t bytes;
}};
struct vector_setting {{
    const char *name;
    const struct vector_write *writes;
    const struct vector_stream *streams;
    uint32_t rows, keys, survivors, value_reads;
}};

{text}{table("vector_setting", "vector_settings", settings)}"""


if __name__ == "__main__":
    print(header(pathlib.Path(sys.argv[1]).resolve()), end="")
