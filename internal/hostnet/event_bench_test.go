package hostnet

import "testing"

func BenchmarkParseEvent(b *testing.B) {
	raw := []byte(`{"seq":42,"id":"dn6rrycsvaqt-42","time":"2026-11-28T10:25:19.123456789Z","kind":"state","ifindex":3,"link":"eth0",` +
		`"property":"OperationalState","state":"routable","previous":"carrier"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseEvent(raw); err != nil {
			b.Fatal(err)
		}
	}
}
