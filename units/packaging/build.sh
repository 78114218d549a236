#!/bin/sh
# Builds a package from what make install lays out: build.sh deb|rpm ROOT OUT
# ROOT is a directory that make install had as DESTDIR, and becomes the package's; OUT
# is the package. NFPM, VERSION and ARCH say how.
set -eu

format=$1 root=$2 out=$3
: "${NFPM:?}" "${VERSION:?}" "${ARCH:?}"
here=$(dirname "$0")
# The same sources make the same package, byte for byte.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

# The licences of what the binary is linked with. Debian has the text of Apache's.
copyright() {
	cat "$here/copyright"
	go version -m "$root/usr/bin/netbrk" | awk '$1 == "dep" { print $2, $3 }' | while read -r module version; do
		dir=$(go list -m -f '{{.Dir}}' "$module")
		printf '\n-- %s %s --\n\n' "$module" "$version"
		for file in "$dir"/LICENSE* "$dir"/COPYING* "$dir"/NOTICE*; do
			[ -f "$file" ] || continue
			if grep -q 'Apache License' "$file" && grep -q 'Version 2.0' "$file"; then
				echo "License: Apache-2.0, see /usr/share/common-licenses/Apache-2.0"
			else
				cat "$file"
			fi
		done
	done
	printf '\n-- The Go programming language --\n\n'
	cat "$(go env GOROOT)/LICENSE"
}

doc=$root/usr/share/doc/netbrk
mkdir -p "$doc"
copyright >"$doc/copyright"
if [ "$format" = deb ]; then
	printf 'netbrk (%s-1) unstable; urgency=medium\n\n  * Built from commit %s.\n\n -- %s  %s\n' "$VERSION" \
		"$(git rev-parse HEAD)" "$(sed -n 's/^maintainer: //p' "$here/nfpm.yaml")" "$(date -uRd "@$SOURCE_DATE_EPOCH")" |
		gzip -9n >"$doc/changelog.Debian.gz"
	install -D -m 0644 "$here/lintian-overrides" "$root/usr/share/lintian/overrides/netbrk"
fi
find "$root/usr/share/man" -type f ! -name '*.gz' -exec gzip -9n {} +

# Each file by itself, so that the package has what is there and nothing else.
# What lies in /etc is its owner's to change.
contents() {
	echo "contents:"
	(cd "$root" && find . -mindepth 1 -printf '%P %y %m %l\n' | LC_ALL=C sort) | while read -r name type mode target; do
		case "$type:/$name" in
		l:*) echo "- {dst: /$name, src: $target, type: symlink}" ;;
		f:/etc/*) echo "- {dst: /$name, src: $root/$name, type: config|noreplace, file_info: {mode: 0$mode}}" ;;
		f:*) echo "- {dst: /$name, src: $root/$name, file_info: {mode: 0$mode}}" ;;
		# Of directories those that nobody else has.
		d:*/netbrk | d:*/netbrk/*) echo "- {dst: /$name, type: dir, file_info: {mode: 0$mode}}" ;;
		esac
	done
}

mkdir -p "$(dirname "$out")"
{
	cat "$here/nfpm.yaml"
	contents
} >"$out.yaml"
"$NFPM" package --config "$out.yaml" --packager "$format" --target "$out" >/dev/null
rm "$out.yaml"
