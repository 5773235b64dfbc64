"""Enforces .deny.toml (licences, bans, sources) over `cargo metadata`: exit 1 and one line per fault."""

import json
import re
import subprocess
import sys
import tomllib

rules = tomllib.load(open(".deny.toml", "rb"))
allowed = set(rules["licenses"]["allow"])
denied = {ban["crate"]: ban["reason"] for ban in rules["bans"]["deny"]}
registries = {f"registry+{url}" for url in rules["sources"]["allow-registry"]}


def satisfied(expression: str) -> bool:
    """Whether an SPDX expression can be met with the allowed licences."""
    tokens = re.findall(r"\(|\)|[^\s()/]+(?:\s+WITH\s+[^\s()]+)?", expression.replace("/", " OR "))
    python = [
        {"AND": "and", "OR": "or", "(": "(", ")": ")"}.get(token, str(token in allowed)) for token in tokens
    ]
    return eval(" ".join(python))  # only True, False, and, or and parentheses are left


metadata = json.loads(
    subprocess.run(["cargo", "metadata", "--locked", "--format-version", "1"], check=True, capture_output=True).stdout
)
# What is resolved for another platform only is not built here, but its licence and source count all the same.
faults = []
for package in metadata["packages"]:
    name = f"{package['name']} {package['version']}"
    if package["name"] in denied:
        faults.append(f"{name}: banned: {denied[package['name']]}")
    if not package["license"] or not satisfied(package["license"]):
        faults.append(f"{name}: licence {package['license']!r} is not allowed")
    if package["source"] is not None and package["source"] not in registries:
        faults.append(f"{name}: comes from {package['source']}")
for fault in faults:
    print(fault, file=sys.stderr)
print(f"{len(metadata['packages'])} packages, {len(faults)} faults")
sys.exit(bool(faults))
