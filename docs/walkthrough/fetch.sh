#!/bin/sh
# Makes DIR (default: heck) a git repository of one commit that holds the crate heck 0.5.0 as crates.io serves it.
# Cargo fetches it and checks its checksum; nothing of the crate is kept in this project.
set -eu
dir=${1:-heck}
[ ! -e "$dir" ] || { echo "error: $dir is there already" >&2; exit 2; }
parent=$(dirname "$dir")
mkdir -p "$parent"
work=$(mktemp -d "${TMPDIR:-/tmp}/walkthrough.XXXXXX")
trap 'rm -rf "$work"' EXIT

# A throw-away crate that depends on it, for `cargo vendor` to unpack.
mkdir "$work/src"
: >"$work/src/lib.rs"
cat >"$work/Cargo.toml" <<'END'
[package]
name = "fetch"
version = "0.0.0"
edition = "2021"

[dependencies]
heck = "=0.5.0"
END
(cd "$work" && cargo vendor --quiet vendor >/dev/null)
cp -R "$work/vendor/heck" "$dir"
cd "$dir"

# What packaging added goes; the author's manifest is the one to edit. Packages leave out .gitignore.
rm -f .cargo-checksum.json .cargo_vcs_info.json
mv Cargo.toml.orig Cargo.toml
printf 'target\nCargo.lock\n' >.gitignore
git init --quiet --initial-branch main
git add --all
git -c user.name=walkthrough -c user.email=walkthrough@localhost commit --quiet --message 'heck 0.5.0, as packaged'
echo "$dir: heck 0.5.0, $(git ls-files | wc -l) files"
