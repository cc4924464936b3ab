# SPDX-License-Identifier: Apache-2.0
"""Exit status 1 if a test of cocotb failed or none ran: simulators themselves end with 0."""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def main():
    """Reads results.xml of the current directory."""
    path = pathlib.Path("results.xml")
    if not path.is_file():
        print("no results.xml: the simulation did not end")
        return 1
    cases = list(ElementTree.parse(path).iter("testcase"))
    failed = [case.get("name") for case in cases
              if case.find("failure") is not None or case.find("error") is not None]
    print(f"{len(cases) - len(failed)} passed, {len(failed)} failed {' '.join(failed)}".rstrip())
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
