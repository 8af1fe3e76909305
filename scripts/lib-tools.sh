# What the two installers share; sourced by them. Tools go to .tools/bin. A stamp that names the version
# stands for an installed tool, so the second run does nothing, and a raised version installs anew.

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.tools
missing=()

say() { printf '%s\n' "$*"; }

stamped() { [[ -e $tools/stamps/$1 ]]; }

# stamp NAME VERSION: forget other versions of it, remember this one.
stamp() {
  rm -f "$tools/stamps/$1@"*
  touch "$tools/stamps/$1@$2"
}

# go_tool NAME PACKAGE VERSION: builds a pinned program with the Go toolchain that is here.
go_tool() {
  local name=$1 package=$2 version=$3 go
  go=$(${GO:-go} env GOVERSION)
  if stamped "$name@$version-$go" && [[ -x $tools/bin/$name ]]; then return; fi
  say "building $name $version (once; a minute or two)"
  if ! (cd "$tools" && GOBIN=$tools/bin GOFLAGS=-trimpath ${GO:-go} install "$package@$version"); then
    missing+=("$name $version: go install $package@$version, and put it on the PATH")
    return
  fi
  stamp "$name" "$version-$go"
}

# debian: true where apt can bring packages.
debian() { command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; }

# report: names everything that is missing, at once.
report() {
  if ((${#missing[@]} == 0)); then return; fi
  say "These are needed and could not be installed here:" >&2
  printf '  %s\n' "${missing[@]}" >&2
  exit 1
}

mkdir -p "$tools/bin" "$tools/stamps"
