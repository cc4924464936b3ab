"""Checks `cargo metadata` (on standard input) against the license list of deny.toml.

Every dependency's SPDX expression must be satisfiable with allowed licenses alone, and every
dependency must come from a registry. Exit status: 0 clean, 1 a finding.
"""

import json
import pathlib
import re
import sys


def allowed_licenses(text):
    """The names in the `allow` array of deny.toml's text."""
    section = text.split("[licenses]", 1)[1]
    return set(re.findall(r'"([^"]+)"', re.search(r"^allow = \[(.*?)\]", section, re.M | re.S)[1]))


def satisfiable(expression, allowed):
    """Whether an SPDX expression can be met with `allowed` licenses.

    Grammar: or = and ("OR" and)*, and = term ("AND" term)*, term = "(" or ")" | name ["WITH" name].
    The old "A/B" stands for "A OR B".
    """
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def take(wanted):
        if tokens and tokens[0] == wanted:
            tokens.pop(0)
            return True
        return False

    def any_of():
        result = all_of()
        while take("OR"):
            result = all_of() or result
        return result

    def all_of():
        result = term()
        while take("AND"):
            result = term() and result
        return result

    def term():
        if take("("):
            result = any_of()
            if not take(")"):
                raise ValueError(f"unbalanced parentheses in {expression!r}")
            return result
        if not tokens:
            raise ValueError(f"incomplete expression {expression!r}")
        name = tokens.pop(0)
        if take("WITH"):
            name = f"{name} WITH {tokens.pop(0)}"
        return name in allowed

    result = any_of()
    if tokens:
        raise ValueError(f"cannot read {expression!r}")
    return result


def findings(metadata, allowed):
    """One line for each dependency that is not clean."""
    for package in metadata["packages"]:
        if package["id"] in metadata["workspace_members"]:
            continue
        name = f"{package['name']} {package['version']}"
        if not (package["source"] or "").startswith("registry+"):
            yield f"{name}: comes from {package['source'] or 'a path'}, not from a registry"
        expression = package["license"]
        if not expression:
            yield f"{name}: names no license"
        elif not satisfiable(expression, allowed):
            yield f"{name}: {expression} is not allowed"


def main():
    """Command line: the path of deny.toml."""
    metadata = json.load(sys.stdin)
    allowed = allowed_licenses(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    lines = list(findings(metadata, allowed))
    print("\n".join(lines) or f"licenses: {len(metadata['packages'])} packages, all allowed")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
