package dhclient

import (
	"fmt"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestPrelude: what stands before the first lease, however long, does not hide it.
func TestPrelude(t *testing.T) {
	for _, prelude := range []string{
		strings.Repeat("# a comment\n", 200), strings.Repeat("\n", 1000), strings.Repeat(" \t\r\n", 300),
		"default-duid \"" + strings.Repeat("x{", 300) + "\";\n", "key x {\n a; b { c; } \"}\"; }\n", "}}\n", "# lease {\n",
	} {
		leases, _ := leasesOf(t, []byte(prelude+fmt.Sprintf(plainLease, "eth0", "192.0.2.1")))
		assert.Len(t, leases, 1, "%.20q", prelude)
	}
}

// TestNeverClosed: a disk was full in the middle of a block, and later dhclient went on
// behind it. In the middle of a string nothing can tell the two apart.
func TestNeverClosed(t *testing.T) {
	const whole = "lease { interface \"eth0\"; fixed-address 192.0.2.1;\n option domain-name \"a.example\"; option routers 192.0.2.254 , 192.0.2.253;\n}\n"
	const whole6 = "lease6 {\n interface \"eth1\";\n ia-na 1 {\n iaaddr 2001:db8::2 { starts 1795400000; max-life 4294967295; }\n }\n}\n"
	const next = "\nlease {\n interface \"eth9\";\n fixed-address 192.0.2.9;\n option domain-name \"b.example\";\n}\n"
	for _, text := range []string{whole, whole6} {
		for n := len("lease6 {"); n < strings.LastIndex(text, "}"); n++ {
			for _, next := range []string{next, strings.Replace(whole6, "lease6", "\nlease6", 1)} {
				want, _ := leasesOf(t, []byte(next))
				leases, problems := leasesOf(t, []byte(text[:n]+next))
				if strings.Count(text[:n], `"`)%2 > 0 {
					assert.Empty(t, leases, "cut at %d: %q", n, text[:n])
					continue
				}
				assert.Equal(t, want, leases, "cut at %d: %q", n, text[:n])
				assert.Equal(t, []string{"1: block that is not closed left out"}, problems, "cut at %d", n)
			}
		}
	}
	// Braces and words that are no such beginning.
	for _, value := range []string{`"lease {"`, `" lease {"`, `"x\012lease {"`, `"\nlease {"`, "\"\nlease {\n\"", `"lease6 { interface \"eth1\"; }"`, "release { }"} {
		leases, problems := leasesOf(t, []byte(`lease { interface "eth0"; fixed-address 192.0.2.1; option x `+value+`; }`))
		assert.Len(t, leases, 1, value)
		assert.Empty(t, problems, value)
	}
}

// TestDeep: blocks in blocks are passed over without a stack of their depth.
func TestDeep(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(1 << 20))
	const depth = 400_000
	leases, problems := leasesOf(t, []byte(`lease6 { interface "eth0"; ia-na 1 { iaaddr 2001:db8::1 { max-life 4294967295; `+
		strings.Repeat("{", depth)+` "}" `+strings.Repeat("}", depth)+` } } option dhcp6.name-servers 2001:db8::53; }`))
	assert.Empty(t, problems)
	if assert.Len(t, leases, 1) {
		assert.Equal(t, "[2001:db8::1/128] [2001:db8::53]", fmt.Sprint(leases[0].Addresses, leases[0].DNS))
	}
}

func TestRejected(t *testing.T) {
	for statement, want := range map[string]string{
		"fixed-address 192.0.2.2, 192.0.2.3; fixed-address 192.0.2.1;":         "fixed-address: not one address",
		"option routers 0.0.0.5;":                                              "routers: 0.0.0.5 is nobody's address",
		"option routers ::ffff:192.0.2.1;":                                     `routers: "::ffff:192.0.2.1" is not an address`,
		"option rfc3442-classless-static-routes 0,0,0,0,0;":                    "rfc3442-classless-static-routes: a default route without a gateway",
		"option rfc3442-classless-static-routes 8,127,192,0,2,1;":              "rfc3442-classless-static-routes: no route to 127.0.0.0/8 via 192.0.2.1",
		"option interface-mtu 67;":                                             `interface-mtu: "67" is not an MTU`,
		"option interface-mtu 65536;":                                          `interface-mtu: "65536" is not an MTU`,
		"option subnet-mask 255.0.255.0;":                                      `subnet-mask: "255.0.255.0" is not a mask`,
		"option subnet-mask 0.0.0.0;":                                          `subnet-mask: "0.0.0.0" is not a mask`,
		"option domain-name \"" + strings.Repeat(`\377`, 100) + "\";":          "domain-name: \"" + strings.Repeat(`\xff`, 60) + "\" is not a domain name",
		"option domain-name-servers " + strings.Repeat("x,", 5000) + " x;":     "and more",
		"option domain-search " + strings.Repeat("\"a b\",", 5000) + " \"x\";": "and more",
	} {
		leases, _ := leasesOf(t, []byte(`lease { interface "eth0"; fixed-address 192.0.2.1; `+statement+" }\n"+
			`lease { interface "eth1"; fixed-address 192.0.2.1; }`))
		rejected := []string{}
		for _, l := range leases {
			rejected = append(rejected, l.Rejected...)
		}
		if assert.NotEmpty(t, rejected, statement) {
			assert.Equal(t, want, rejected[len(rejected)-1])
			assert.LessOrEqual(t, len(rejected), maxRejected+1)
		}
	}
	leases, _ := leasesOf(t, []byte(`lease { interface "eth0"; fixed-address 192.0.2.2, 192.0.2.3; }`))
	assert.Empty(t, leases, "of two addresses none")
}
