# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
# Functions of tools/run and tests/run, which source this file. Nothing here writes to stdout.
# shellcheck shell=bash

set -euo pipefail
umask 022 # afplug refuses plugins that group or others can write to

top=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/build
deps=$build/deps
log=$build/setup.log

say() { printf 'afplug: %s\n' "$*" >&2; }

# Exits with 125 if the setup fails, which is none of afplug's own exit codes.
die() {
  say "$*"
  exit 125
}

# logged NAME COMMAND…: runs the command with its output in the log; if it fails, prints the end of the log and exits.
logged() {
  local name=$1
  shift
  printf '\n### %s: %s\n' "$name" "$*" >>"$log"
  local from
  from=$(wc -l <"$log")
  if ! "$@" >>"$log" 2>&1 </dev/null; then
    tail -n "+$((from + 1))" "$log" | tail -n 40 >&2
    die "$name failed; the full output is in ${log#"$PWD/"}"
  fi
}

# wanted SECTION…: prints the lines of tools/packages in these sections, without comments.
wanted() {
  local line section=
  while IFS= read -r line; do
    line=${line%%#*}
    line=${line%"${line##*[![:space:]]}"}
    case $line in
      '') ;;
      '['*) section=${line//[\[\]]/} ;;
      *) [[ " $* " == *" $section "* ]] && printf '%s\n' "$line" ;;
    esac
  done <"$top/tools/packages"
}

# satisfied NAME MINIMUM VERSION: succeeds if VERSION is not empty and not older than MINIMUM, which may be empty.
satisfied() { [[ -n $3 ]] && { [[ -z $2 ]] || dpkg --compare-versions "$3" ge "$2"; }; }

installed_version() { dpkg-query -W -f='${db:Status-Status} ${Version}\n' "$1" 2>/dev/null | sed -n 's/^installed //p' | head -n 1; }
available_version() { LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p' | grep -v '(none)'; }

# first_of QUERY LINE: prints the first alternative of the line whose version, as printed by QUERY, is recent enough.
first_of() {
  local alternatives one name minimum
  IFS='|' read -ra alternatives <<<"$2"
  for one in "${alternatives[@]}"; do
    read -r name minimum <<<"$one"
    minimum=${minimum#'(>= '}
    minimum=${minimum%)}
    if satisfied "$name" "$minimum" "$("$1" "$name" || true)"; then
      printf '%s\n' "$name"
      return
    fi
  done
  return 1
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}
apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends --no-remove \
    -o DPkg::Lock::Timeout=300 "$@"
}

# install_missing SECTION…: installs the packages of these sections that are not installed.
install_missing() {
  if ! command -v dpkg-query >/dev/null; then
    say "dpkg is not available: assuming that the packages of tools/packages are installed"
    return
  fi
  local line name missing=() names=()
  # Normally nothing is missing, and apt is not run.
  while IFS= read -r line; do
    [[ $line == *boost* && -e $deps/usr/include/boost/version.hpp ]] && continue
    first_of installed_version "$line" >/dev/null || missing+=("$line")
  done < <(wanted "$@")
  ((${#missing[@]})) || return 0

  say "missing: ${missing[*]}"
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    die "installing packages needs root or sudo; install them and run this again"
  fi
  # Ignore errors: some package sources may be unreachable. The installation fails if a package is not available.
  apt_get update >>"$log" 2>&1 </dev/null || true
  for line in "${missing[@]}"; do
    if ! name=$(first_of available_version "$line"); then
      die "no package is available for: $line"
    fi
    if [[ $name == libboost* ]] && ! apt_get -s install "$name" >>"$log" 2>&1 </dev/null; then
      unpack "$name"
    else
      names+=("$name")
    fi
  done
  ((${#names[@]})) || return 0
  say "installing: ${names[*]}"
  logged "installing packages" apt_get install "${names[@]}"
}

# unpack PACKAGE: unpacks a package to build/deps instead of installing it, since it conflicts with an installed package.
unpack() {
  say "unpacking $1 to ${deps#"$PWD/"}, since installing it would remove another package"
  mkdir -p "$build/download"
  cd "$build/download"
  logged "fetching $1" apt-get -q download "$1"
  logged "unpacking $1" dpkg -x "$1"_*.deb "$deps"
  cd "$OLDPWD"
  rm -r "$build/download"
}

# configured FOLDER: succeeds if FOLDER is a build folder of this source tree. A copied or moved one is not, since it
# contains absolute paths.
configured() { [[ -e $1/build.ninja ]] && grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$top" "$1/CMakeCache.txt"; }

# configure FOLDER [-DNAME=VALUE…]: runs cmake if FOLDER is not configured, or configured with other values.
configure() {
  local folder=$1 options=() value changed=
  shift
  if configured "$folder"; then
    for value; do
      sed 's/:[A-Z]*=/=/' "$folder/CMakeCache.txt" | grep -xF -- "${value#-D}" >/dev/null || changed=yes
    done
    [[ -n $changed ]] || return 0
  else
    options=(--fresh -G Ninja -DCMAKE_BUILD_TYPE=Release)
    if command -v ccache >/dev/null; then
      options+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
    fi
  fi
  [[ -d $deps/usr ]] && options+=("-DCMAKE_PREFIX_PATH=$deps/usr")
  logged "configuring" cmake -S "$top" -B "$folder" "${options[@]}" "$@"
}

# build FOLDER [TARGET…]: builds the targets; prints a message only if there is something to do.
build() {
  local folder=$1
  shift
  if ninja -C "$folder" -n "$@" 2>/dev/null | grep -q 'no work to do'; then return; fi
  say "building; the output goes to ${log#"$PWD/"}"
  logged "building" ninja -C "$folder" "$@"
}

# Only one setup runs at a time in a tree. `ready` releases the lock.
mkdir -p "$build"
exec 9>"$build/.lock"
flock 9
: >"$log"
ready() { exec 9>&-; }
