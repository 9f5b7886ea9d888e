#!/usr/bin/env bash
# Installs the Debian packages that are missing, and does nothing when none is.
#
#   .ci/setup.sh build       to build the server
#   .ci/setup.sh test        also to build the tests and to run them
#   .ci/setup.sh format      clang-format, for `make format`
#
# As another user than root it calls sudo, and only if something is to be installed.
set -euo pipefail

build=(
  cmake ninja-build make g++ mold ccache                 # mold and ccache save time; CMakeLists.txt does without them as well
  librocksdb-dev liblz4-dev liblzf-dev libxxhash-dev     # persistence/
  libabsl-dev libssl-dev                                 # engine/
  libasio-dev                                            # protocol/
  liblua5.1-0-dev lua-cjson-dev lua-bitop-dev            # protocol/scripting/
  libspdlog-dev libfmt-dev libjemalloc-dev               # everywhere
  libcli11-dev                                           # tools/
)
test=(
  "${build[@]}"
  libgtest-dev libgmock-dev libbenchmark-dev nlohmann-json3-dev
  redis-tools    # redis-cli, redis-benchmark, and Redis itself: redis-check-rdb is the server when it is called redis-server
  lz4            # reads what a backup has of the journal
  wamerican      # /usr/share/dict/words, for mass insertion
  python3        # tests/bench/bench.py
)
format=(clang-format)

case "${1:-}" in
  build) wanted=("${build[@]}") ;;
  test) wanted=("${test[@]}") ;;
  format) wanted=("${format[@]}") ;;
  *) echo "usage: $0 build|test|format" >&2; exit 2 ;;
esac

if ! command -v apt-get >/dev/null; then
  echo "$0: no apt here; these are needed, by their Debian names: ${wanted[*]}" >&2
  exit 0
fi

is_installed() { [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=()
for package in "${wanted[@]}"; do
  is_installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=(env DEBIAN_FRONTEND=noninteractive)
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "$0: neither root nor sudo; have this run: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo "${as_root[@]}")
fi

apt_install() { "${as_root[@]}" apt-get install --yes --quiet --no-install-recommends "${missing[@]}"; }

echo "installing ${missing[*]}"
# Lists that are absent have to be fetched, and lists that are old name files which the mirror no longer has.
if ! apt-cache show --no-all-versions "${missing[@]}" >/dev/null 2>&1; then
  "${as_root[@]}" apt-get update --quiet
  apt_install
else
  apt_install || { "${as_root[@]}" apt-get update --quiet && apt_install; }
fi
