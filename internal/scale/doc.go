// Package scale reckons what many instances that run netbrk ask of their metadata
// services, by the numbers that are shipped: those of the units and of
// internal/cloud. It asks nobody, and is no part of the program. Its tests measure
// what large hosts cost as well; internal/SCALE.md has the figures of both.
package scale
