// Package config reads netbrk.toml, its drop-ins and the files of the two
// tools that netbrk replaces, and turns them into checked values that know
// where they came from. It reads files and does nothing else: it writes none,
// looks at no link, no bus and no environment, and keeps no state.
//
// A bad value is an error that names file, line and key; what is not known is
// a warning, which Strict turns into an error.
package config
