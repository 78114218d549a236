// Package api answers HTTP requests on the loopback address with what netbrk
// knows. It decides who is answered and how; what the answers say comes from a
// Source. It changes nothing, and must stay so: whoever can reach the port may ask,
// a web page in a browser of the host's excepted.
package api
