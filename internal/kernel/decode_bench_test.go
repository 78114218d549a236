package kernel

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// BenchmarkDecodeRoutes decodes what a router hears when 10,000 routes change,
// one message a datagram as the kernel sends them.
func BenchmarkDecodeRoutes(b *testing.B) {
	const routes = 10_000
	datagrams := make([][]byte, routes)
	for i := range datagrams {
		datagrams[i] = routeMessage(uint32(i))
	}
	decoded := 0
	b.ReportAllocs()
	for b.Loop() {
		for _, datagram := range datagrams {
			if _, err := eachMessage(datagram, func(m message) {
				m.decode(func(hostnet.Change) { decoded++ })
			}); err != nil {
				b.Fatal(err)
			}
		}
	}
	if decoded != b.N*routes {
		b.Fatalf("%d routes of %d were decoded", decoded, b.N*routes)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*routes), "ns/message")
}

// routeMessage is the RTM_NEWROUTE of 10.0.0.0/8's host i through a gateway.
func routeMessage(i uint32) []byte {
	body := make([]byte, unix.SizeofRtMsg)
	body[0], body[1] = unix.AF_INET, 32
	body[4], body[5], body[7] = unix.RT_TABLE_MAIN, unix.RTPROT_BGP, unix.RTN_UNICAST
	attribute := func(kind uint16, value []byte) {
		body = binary.NativeEndian.AppendUint16(body, uint16(unix.SizeofNlAttr+len(value)))
		body = binary.NativeEndian.AppendUint16(body, kind)
		body = append(body, value...)
	}
	attribute(unix.RTA_TABLE, binary.NativeEndian.AppendUint32(nil, unix.RT_TABLE_MAIN))
	attribute(unix.RTA_DST, binary.BigEndian.AppendUint32(nil, 10<<24|i))
	attribute(unix.RTA_GATEWAY, []byte{192, 0, 2, 1})
	attribute(unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, 2))

	header := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	header = binary.NativeEndian.AppendUint16(header, unix.RTM_NEWROUTE)
	header = append(header, make([]byte, unix.SizeofNlMsghdr-len(header))...)
	return append(header, body...)
}
