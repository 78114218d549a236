// Package azure reads the instance metadata service of Azure: one JSON document.
// It asks for no identity token, and in a version of the API that has no user
// data yet.
package azure
