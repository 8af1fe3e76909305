# What the two installers share; sourced by them. Tools go to .tools/bin. Each binary says what it was built
# from, so the second run does nothing, and a raised version builds anew.

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.tools
missing=()

say() { printf '%s\n' "$*"; }

# built NAME VERSION: is it there, of this version, by the Go toolchain that is here?
built() {
  local info
  info=$(${GO:-go} version -m "$tools/bin/$1" 2>/dev/null) || return 1
  [[ $info == *": $(${GO:-go} env GOVERSION)"* && $info == *$'\tmod\t'*$'\t'"$2"$'\t'* ]]
}

# go_tool NAME PACKAGE VERSION: builds a pinned program.
go_tool() {
  local name=$1 package=$2 version=$3
  if built "$name" "$version"; then return; fi
  say "building $name $version (once; a minute or two)"
  if ! (cd "$tools" && GOBIN=$tools/bin GOFLAGS=-trimpath ${GO:-go} install "$package@$version"); then
    missing+=("$name $version: GOBIN=$tools/bin go install $package@$version")
  fi
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

mkdir -p "$tools/bin"
