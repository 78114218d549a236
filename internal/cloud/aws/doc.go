// Package aws is the instance metadata service of EC2, version 2. Each key is a
// request: only those that are used are asked for, and of a NIC only those that
// its directory lists. Credentials and user data are never asked for.
package aws
