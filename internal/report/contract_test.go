package report_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/report"
)

// contract is every key that hooks may read, in its order and with its type,
// as network-event-broker had it and the design lists it. A line that changes
// here breaks somebody's script.
const contract = `
Index int
MTU int
TxQLen int
Name string
AlternativeNames string
HardwareAddr string
Flags string
RawFlags uint32
ParentIndex int
MasterIndex int
Namespace string
Alias string
Statistics.RxPackets uint64
Statistics.TxPackets uint64
Statistics.RxBytes uint64
Statistics.TxBytes uint64
Statistics.RxErrors uint64
Statistics.TxErrors uint64
Statistics.RxDropped uint64
Statistics.TxDropped uint64
Statistics.Multicast uint64
Statistics.Collisions uint64
Statistics.RxLengthErrors uint64
Statistics.RxOverErrors uint64
Statistics.RxCrcErrors uint64
Statistics.RxFrameErrors uint64
Statistics.RxFifoErrors uint64
Statistics.RxMissedErrors uint64
Statistics.TxAbortedErrors uint64
Statistics.TxCarrierErrors uint64
Statistics.TxFifoErrors uint64
Statistics.TxHeartbeatErrors uint64
Statistics.TxWindowErrors uint64
Statistics.RxCompressed uint64
Statistics.TxCompressed uint64
Promisc int
Xdp.Fd int
Xdp.Attached bool
Xdp.Flags int
Xdp.ProgId int
EncapType string
Protinfo string
OperState string
NetNsID int
NumTxQueues int
NumRxQueues int
GSOMaxSize uint32
GSOMaxSegs uint32
Group uint32
Slave string
KernelOperState string
AddressState string
CarrierState string
Driver string
IPv4AddressState string
IPv6AddressState string
LinkFile string
Model string
OnlineState string
OperationalState string
Path string
SetupState string
Type string
Vendor string
ProductID string
Manufacturer string
NetworkFile string
DNS[] string
Domains[] string
DomainSearch[] string
NTP[] string
Address[].IP string
Address[].Family string
Address[].Mask int
Address[].Label string
Address[].Flags int
Address[].Scope int
Address[].Peer string
Address[].Broadcast string
Address[].PreferedLft int
Address[].ValidLft int
Routes[].Scope int
Routes[].Dst.IP string
Routes[].Dst.Mask int
Routes[].Src string
Routes[].Gw string
Routes[].MultiPath string
Routes[].Protocol int
Routes[].Priority int
Routes[].Table int
Routes[].Type int
Routes[].Tos int
Routes[].Flags[] string
Routes[].MPLSDst string
Routes[].NewDst string
Routes[].Encap string
Routes[].MTU int
Routes[].AdvMSS int
Routes[].Hoplimit int
AddressesTruncated bool
RoutesTruncated bool
`

func TestLinkDocumentKeepsTheContract(t *testing.T) {
	got := keys(reflect.TypeFor[report.LinkDocument](), "")
	assert.Equal(t, strings.Split(strings.TrimSpace(contract), "\n"), got)
}

// keys lists what a value of type t has in JSON, depth first.
func keys(t reflect.Type, key string) []string {
	switch t.Kind() {
	case reflect.Slice:
		return keys(t.Elem(), key+"[]")
	case reflect.Struct:
		if key != "" {
			key += "."
		}
		var all []string
		for i := range t.NumField() {
			f := t.Field(i)
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" {
				name = f.Name
			}
			if options != "" {
				name += "," + options // "omitempty" would make a key come and go
			}
			all = append(all, keys(f.Type, key+name)...)
		}
		return all
	}
	return []string{key + " " + t.String()}
}
