package kernel

import (
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/netnstest"
)

var update = flag.Bool("update", false, "write the recorded datagrams anew")

// recordedFile has a datagram of a real kernel on each line: seeds for FuzzDecode
// and FuzzPolicyDecode.
const recordedFile = "testdata/datagrams.hex"

func recorded(t testing.TB) (datagrams [][]byte) {
	t.Helper()
	text, err := os.ReadFile(recordedFile)
	require.NoError(t, err)
	for line := range strings.FieldsSeq(string(text)) {
		datagram, err := hex.DecodeString(line)
		require.NoError(t, err)
		datagrams = append(datagrams, datagram)
	}
	require.NotEmpty(t, datagrams)
	return datagrams
}

// TestRecord has a kernel tell of every kind of object, in notifications and dumps,
// and holds what is made of each datagram to what fuzzing does. -update keeps them.
func TestRecord(t *testing.T) {
	ns := netnstest.New(t)
	var datagrams [][]byte
	ns.Do(t, func() {
		s, err := newSocket(unix.SOCK_NONBLOCK, watchedGroups()...)
		require.NoError(t, err)
		defer s.close()
		for command := range strings.Lines(`link set lo up
link add va address 02:00:00:00:00:0a type veth peer name vb address 02:00:00:00:00:0b
link set va up
link set vb up
link property add dev va altname eno1
address add 192.0.2.1/24 dev va
address add 198.51.100.1 peer 198.51.100.2/32 dev va
address add 2001:db8::1/64 dev va nodad
route add default via 192.0.2.254 metric 100
route add 10.1.0.0/16 via 192.0.2.253 src 192.0.2.1 table 70000 proto 110
route add 10.2.0.0/16 nexthop via 192.0.2.252 weight 2 nexthop via 192.0.2.251
route add 10.3.0.0/16 via inet6 2001:db8::2 dev va
route add blackhole 10.4.0.0/16
route add 2001:db8:1::/48 via 2001:db8::2 mtu 1400 advmss 1300
route add unreachable 2001:db8:2::/48
rule add from 192.0.2.1 lookup 70000 suppress_prefixlength 0 priority 30000 protocol 110
rule add iif va fwmark 7/0xff lookup main priority 30001
-6 rule add to 2001:db8::1 lookup 70000 priority 30003
rule delete priority 30001
address delete 192.0.2.1/24 dev va
link set va name vc
link delete vc`) {
			if strings.HasPrefix(command, "link set va name") {
				datagrams = append(datagrams, dumps(t)...)
			}
			out, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput()
			require.NoError(t, err, "ip %s: %s", command, out)
			datagrams = append(datagrams, pending(t, s)...)
		}
	})
	for _, datagram := range datagrams {
		checkDatagram(t, datagram)
	}
	if *update {
		var text strings.Builder
		for _, datagram := range datagrams {
			text.WriteString(hex.EncodeToString(datagram) + "\n")
		}
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(recordedFile, []byte(text.String()), 0o644))
	}
}

// pending takes what a socket has received.
func pending(t *testing.T, s *socket) (datagrams [][]byte) {
	t.Helper()
	buf := make([]byte, receiveBytes)
	for {
		n, err := s.receive(buf)
		if errors.Is(err, unix.EAGAIN) {
			return datagrams
		}
		require.NoError(t, err)
		datagrams = append(datagrams, slices.Clone(buf[:n]))
	}
}

// dumps asks for all there is.
func dumps(t *testing.T) (datagrams [][]byte) {
	t.Helper()
	for _, object := range []hostnet.Object{hostnet.ObjectLink, hostnet.ObjectAddr, hostnet.ObjectRoute, hostnet.ObjectRule} {
		s, err := openSocket()
		require.NoError(t, err)
		require.NoError(t, s.send(dumpRequest(object)))
		buf := make([]byte, receiveBytes)
		for done := false; !done; {
			n, err := s.next(buf)
			require.NoError(t, err)
			datagrams = append(datagrams, slices.Clone(buf[:n]))
			done, err = eachMessage(buf[:n], func(message) {})
			require.NoError(t, err)
		}
		require.NoError(t, s.close())
	}
	return datagrams
}

// checkDatagram checks what the decoders make of a datagram: objects that there can
// be, and texts that an event takes.
func checkDatagram(t *testing.T, datagram []byte) {
	t.Helper()
	m := &Monitor{}
	_, _ = eachMessage(datagram, func(msg message) {
		msg.decode(func(c hostnet.Change) {
			ev := hostnet.Event{Kind: hostnet.KindAddresses, Index: 1, Action: hostnet.ActionAdded}
			switch text := m.Describe(c); c.Object {
			case hostnet.ObjectLink:
				assert.Positive(t, c.Index)
				assert.NotEmpty(t, c.Link.Name)
				assert.LessOrEqual(t, len(c.Link.Name), unix.IFNAMSIZ-1)
			case hostnet.ObjectAddr:
				assert.True(t, c.Addr.Prefix.IsValid())
				ev.Address = text
			case hostnet.ObjectRoute:
				ev.Kind, ev.Route = hostnet.KindRoutes, text
			}
			assert.NoError(t, ev.Validate())
		})
	})
}
