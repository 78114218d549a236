package api

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// check refuses requests that no honest client of this host makes.
func check(r *http.Request) *Problem {
	switch {
	case r.ProtoMajor != 1 || r.ProtoMinor != 1:
		return &Problem{Status: http.StatusHTTPVersionNotSupported, What: "the request is not of HTTP/1.1", Hint: "curl --http1.1 asks so"}
	case !loopback(r.Host):
		// A name of the attacker's that leads to 127.0.0.1 makes a browser take us
		// for his own site, whose pages may then read the answer: DNS rebinding. The
		// name is still in the header.
		return &Problem{
			Status: http.StatusMisdirectedRequest, What: "the request is for another host",
			Hint: "ask at localhost, 127.0.0.1 or [::1]",
		}
	case crossOrigin(r):
		return &Problem{
			Status: http.StatusForbidden, What: "the request is from a page of another site",
			Hint: "open the address itself, or ask with a program",
		}
	case r.ContentLength != 0 || len(r.TransferEncoding) > 0:
		return &Problem{Status: http.StatusRequestEntityTooLarge, What: "the request has a body", Hint: "send none"}
	}
	return nil
}

// loopback reports whether a Host header, HOST or HOST:PORT, names this host to
// itself: localhost, which browsers do not look up, 127.0.0.0/8 or [::1].
func loopback(host string) bool {
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '+' {
			return false
		}
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	if inner, ok := strings.CutPrefix(name, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		return ok && err == nil && addr == netip.IPv6Loopback()
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Is4() && addr.IsLoopback()
}

// crossOrigin reports whether a page of another site makes the request. A browser
// sends Origin with what scripts ask across sites, and Sec-Fetch-Site with all it
// asks, a plain link or image included; same-site is another port of this host.
func crossOrigin(r *http.Request) bool {
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" {
			return true
		}
	}
	for _, origin := range r.Header.Values("Origin") {
		if !strings.EqualFold(origin, "http://"+r.Host) {
			return true
		}
	}
	return false
}

// setHeaders keeps what a browser gets from being run, framed, stored or read by
// another site. No header allows any site anything: there is no CORS here.
func setHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}

// isLoopback reports whether only this host reaches a listener's address.
func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}
