// Package display writes what netbrk knows for people to read. It takes a document
// and the terminal's width, and returns text; it neither looks anything up nor
// prints.
package display
