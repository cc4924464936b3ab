#!/usr/bin/env python3
"""Renders WaveDrom sources with wavedrompy and checks that every signal is drawn."""

import argparse
import json
import pathlib
import xml.etree.ElementTree as tree

import wavedrom


def check(path):
    """Renders one source; how many signals it has."""
    text = path.read_text(encoding="utf-8")
    source = json.loads(text)
    drawing = tree.fromstring(wavedrom.render(text).tostring())
    texts = {"".join(element.itertext()).strip() for element in drawing.iter()
             if element.tag.endswith("text")}
    signals = [lane for lane in source["signal"] if lane]
    lengths = {len(signal["wave"]) for signal in signals}
    if len(lengths) != 1:
        raise SystemExit(f"{path.name}: waves of different lengths: {sorted(lengths)}")
    for signal in signals:
        words = signal.get("data", [])
        if signal["wave"].count("=") != len(words):
            raise SystemExit(f"{path.name}: {signal['name']} has too many or too few words")
        missing = {signal["name"], *words} - texts
        if missing:
            raise SystemExit(f"{path.name}: {signal['name']}: not drawn: {sorted(missing)}")
    return len(signals)


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path, help="where the sources are")
    arguments = parser.parse_args()
    for path in sorted(arguments.folder.glob("*.json")):
        print(f"{path.name}: {check(path)} signals")


if __name__ == "__main__":
    main()
