"""What the command `cae`, or the wheel, is made of, as CycloneDX 1.6 in JSON: every crate with its version, licence and
checksum, and what depends on what.

    python3 scripts/sbom.py cae|wheel    prints it; scripts/sbom.sh writes both and holds them to CycloneDX's schema

Crates come from Cargo.lock, for the target of this machine and the features that the program is built with. A crate that only
helps to build (a macro, a build script) has the scope `excluded`: nothing of it is in the program. No path of this machine, no
time but that of the last commit: the same source gives the same bytes. Python 3.11, standard library only.
"""

import json
import os
import subprocess
import sys
import tomllib
import uuid
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = {"cae": "contractive-cli", "wheel": "contractive-python"}


def said(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def host():
    lines = said("rustc", "-vV").splitlines()
    return {key: value for key, _, value in (line.partition(": ") for line in lines)}


def crates_of(package, edges, target):
    """(name, version) of every crate that `package` is built of, itself included."""
    tree = said("cargo", "tree", "--locked", "--package", package, "--edges", edges, "--target", target,
                "--prefix", "none", "--format", "{p}", "--no-dedupe")
    return {tuple(line.removesuffix(" (*)").split()[:2]) for line in tree.splitlines() if line}


def purl(name, version):
    return f"pkg:cargo/{name}@{version}"


def licence(package):
    expression = package["license"]
    if expression is None:
        return {"license": {"name": f"see {package['license_file']} of the crate"}}
    return {"expression": expression.replace("/", " OR ")}


def component(package, checksum, scope):
    about = {
        "type": "library",
        "bom-ref": purl(package["name"], package["version"]),
        "name": package["name"],
        "version": package["version"],
        "purl": purl(package["name"], package["version"]),
        "scope": scope,
        "licenses": [licence(package)],
    }
    if package["description"]:
        about["description"] = " ".join(package["description"].split())
    if checksum:
        about["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["repository"]:
        about["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return about


def python_requirements():
    """NumPy, and what extras ask for, as pyproject.toml bounds them: whoever installs the wheel resolves the versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = {one for extra in project["optional-dependencies"].values() for one in extra}
    for scope, requirements in (("required", project["dependencies"]), ("optional", sorted(optional))):
        for requirement in requirements:
            name = requirement.split("[")[0].split(">")[0].split("<")[0].split("=")[0].strip()
            yield {
                "type": "library",
                "bom-ref": f"{scope}: {requirement}",
                "name": name,
                "purl": f"pkg:pypi/{name.lower()}",
                "scope": scope,
                "properties": [{"name": "contractive:requirement", "value": requirement}],
            }


def bill(what):
    rust = host()
    target, root_name = rust["host"], PROGRAMS[what]
    built_in = crates_of(root_name, "normal,no-proc-macro", target)
    all_crates = crates_of(root_name, "normal,build", target)
    metadata = json.loads(said("cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target))
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    checksums = {(one["name"], one["version"]): one.get("checksum") for one in locked}
    key_of = {one["id"]: (one["name"], "v" + one["version"]) for one in metadata["packages"]}
    chosen = {key: one for one in metadata["packages"] if (key := key_of[one["id"]]) in all_crates}
    if missing := all_crates - chosen.keys():
        raise SystemExit(f"cargo metadata lacks {sorted(missing)}")

    root = next(one for key, one in chosen.items() if key[0] == root_name)
    others = [one for key, one in sorted(chosen.items()) if one is not root]
    components = [
        component(
            one,
            checksums[one["name"], one["version"]],
            "required" if key_of[one["id"]] in built_in else "excluded",
        )
        for one in others
    ]
    std = {
        "type": "framework",
        "bom-ref": f"pkg:generic/rust-std@{rust['release']}",
        "name": "rust-std",
        "version": rust["release"],
        "description": "The standard library of Rust",
        "scope": "required",
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
    }
    python = list(python_requirements()) if what == "wheel" else []
    name, root_ref = ("contractive", f"pkg:pypi/contractive@{root['version']}") if what == "wheel" else (
        "cae", purl(root_name, root["version"]))

    def ref(key):
        return root_ref if key[0] == root_name else purl(key[0], key[1][1:])

    dependencies = []
    for node in sorted(metadata["resolve"]["nodes"], key=lambda node: key_of[node["id"]]):
        key = key_of[node["id"]]
        if key not in chosen:
            continue
        of_kind = [dep for dep in node["deps"] if any(kind["kind"] != "dev" for kind in dep["dep_kinds"])]
        on = sorted(ref(key_of[dep["pkg"]]) for dep in of_kind if key_of[dep["pkg"]] in chosen)
        if key[0] == root_name:
            on += [std["bom-ref"], *(one["bom-ref"] for one in python if one["scope"] == "required")]
        dependencies.append({"ref": ref(key), "dependsOn": sorted(on)})

    when = int(os.environ.get("SOURCE_DATE_EPOCH") or said("git", "log", "-1", "--format=%ct"))
    whole = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "lifecycles": [{"phase": "build"}],
            "tools": {"components": [{"type": "application", "name": "scripts/sbom.py of Contractive"}]},
            "component": {
                "type": "library" if what == "wheel" else "application",
                "bom-ref": root_ref,
                "name": name,
                "version": root["version"],
                "purl": root_ref,
                "licenses": [licence(root)],
                "properties": [{"name": "contractive:target", "value": target}],
            },
        },
        "components": [*components, std, *python],
        "dependencies": dependencies,
    }
    # Named by what it says: the same bill has the same number.
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(whole, sort_keys=True))
    return {**whole, "serialNumber": f"urn:uuid:{number}"}


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PROGRAMS:
        sys.exit(__doc__)
    json.dump(bill(sys.argv[1]), sys.stdout, indent=1, ensure_ascii=False)
    print()
