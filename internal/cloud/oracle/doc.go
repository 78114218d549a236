// Package oracle reads version 2 of Oracle Cloud's instance metadata service. It
// asks for the VNICs in one JSON document and for the facts one by one: a document
// of the whole instance has the user data in it.
package oracle
