// Package generator turns settings into files for systemd: drop-ins of netbrk's
// units, and links by which netbrk.target starts those that a machine calls for.
// What the configuration and the machine say comes in as values.
//
// It must not ask anybody anything: a generator runs before every unit, and the
// boot waits for it. systemd.generator(7).
package generator
