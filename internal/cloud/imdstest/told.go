package imdstest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// What the clouds' renders have in common.

func tellText(body string) Answer { return Answer{Status: http.StatusOK, Body: []byte(body)} }

func tellJSON(document any) Answer {
	body, err := json.Marshal(document)
	if err != nil {
		panic(fmt.Sprintf("imdstest: %s", err)) // of texts and numbers alone
	}
	return Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}

// refuse is an answer of a status alone, in plain text; EC2 and Alibaba's tokens have
// a page, see status.
func refuse(status int) Answer {
	return Answer{Status: status, Body: []byte(http.StatusText(status))}
}

// listing names the children of a directory, one a line without a last newline;
// those that are directories end in a slash.
func listing(keys map[string]string, directory string) string {
	children := map[string]bool{}
	for key := range keys {
		if below, ok := strings.CutPrefix(key, directory); ok {
			name, _, deeper := strings.Cut(below, "/")
			if deeper {
				name += "/"
			}
			children[name] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(children)), "\n")
}

// tellTree answers from a tree of texts. A directory's own text is its listing.
func tellTree(keys map[string]string, path string) Answer {
	if body, ok := keys[path]; ok {
		return tellText(body)
	}
	if path != "" && !strings.HasSuffix(path, "/") {
		return refuse(http.StatusNotFound)
	}
	if list := listing(keys, path); list != "" {
		return tellText(list)
	}
	return refuse(http.StatusNotFound)
}

// primaryFirst puts the primary NIC where clouds have it that do not mark it.
func primaryFirst(nics []hostnet.NIC) []hostnet.NIC {
	nics = slices.Clone(nics)
	slices.SortStableFunc(nics, func(x, y hostnet.NIC) int {
		switch {
		case x.Primary && !y.Primary:
			return -1
		case y.Primary && !x.Primary:
			return 1
		}
		return 0
	})
	return nics
}

func detailOf(system hostnet.System, key string) string {
	for _, d := range system.Details {
		if d.Key == key {
			return d.Value
		}
	}
	return ""
}

// told4 and told6 are the addresses of one family, in order.
func told4(nic hostnet.NIC) []hostnet.CloudAddress { return toldOf(nic, netip.Addr.Is4) }
func told6(nic hostnet.NIC) []hostnet.CloudAddress { return toldOf(nic, netip.Addr.Is6) }

func toldOf(nic hostnet.NIC, family func(netip.Addr) bool) []hostnet.CloudAddress {
	return slices.DeleteFunc(slices.Clone(nic.Addresses), func(a hostnet.CloudAddress) bool { return !family(a.Addr) })
}

func toldTexts(addresses []hostnet.CloudAddress) []string {
	texts := []string{}
	for _, a := range addresses {
		texts = append(texts, a.Addr.String())
	}
	return texts
}

// toldRanges are those of a kind and a family.
func toldRanges(nic hostnet.NIC, kind string, family func(netip.Addr) bool) []string {
	texts := []string{}
	for _, r := range nic.Ranges {
		if r.Kind == kind && family(r.Prefix.Addr()) {
			texts = append(texts, r.Prefix.String())
		}
	}
	return texts
}

// toldSubnet is the first subnet of a family, not valid for none.
func toldSubnet(nic hostnet.NIC, family func(netip.Addr) bool) netip.Prefix {
	for _, p := range nic.Subnets {
		if family(p.Addr()) {
			return p
		}
	}
	return netip.Prefix{}
}

// toldText is "" for what is not valid.
func toldText(v interface {
	fmt.Stringer
	IsValid() bool
}) string {
	if !v.IsValid() {
		return ""
	}
	return v.String()
}

// Secret stands in each cloud's documents where user data and credentials do. It
// must be found nowhere.
const Secret = "c2VjcmV0LXRoYXQtaXMtbmV2ZXItdG8tYmUtc2Vlbg=="
