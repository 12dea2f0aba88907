#!/usr/bin/env bash
# Debian 12 has mksquashfs 4.5.1, and the engine "mksquashfs" needs 4.6. This fetches Debian 13's, with the libraries that it
# needs, into a folder of its own (nothing is installed) and prints the path of a script that runs it.
#
#   mksquashfs-4.6.sh [FOLDER]     (default: /var/cache/ocirender/mksquashfs-4.6)
set -euo pipefail
folder=${1:-/var/cache/ocirender/mksquashfs-4.6}
if [ ! -x "$folder/mksquashfs" ]; then
  mkdir -p "$folder/lists/partial" "$folder/cache"
  cat >"$folder/debian.sources" <<'SOURCES'
Types: deb
URIs: http://deb.debian.org/debian
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
  apt=(apt-get -qq -o "Dir::Etc::sourcelist=$folder/debian.sources" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder/cache" -o APT::Sandbox::User=root)
  "${apt[@]}" update >&2
  cd "$folder"
  "${apt[@]}" download squashfs-tools libc6 libzstd1 liblzma5 zlib1g liblz4-1 liblzo2-2 >&2
  for package in *.deb; do dpkg -x "$package" root; done
  loader=$(find "$folder/root" -name 'ld-linux-*.so.*' | head -n 1)
  libraries=$(dirname "$(find "$folder/root" -name 'libzstd.so.1' | head -n 1)"):$(dirname "$(find "$folder/root" -name 'libc.so.6' | head -n 1)")
  printf '#!/bin/sh\nexec %s --library-path %s %s "$@"\n' "$loader" "$libraries" "$folder/root/usr/bin/mksquashfs" >"$folder/mksquashfs.new"
  chmod +x "$folder/mksquashfs.new"
  "$folder/mksquashfs.new" -version >/dev/null
  mv "$folder/mksquashfs.new" "$folder/mksquashfs"
fi
echo "$folder/mksquashfs"
