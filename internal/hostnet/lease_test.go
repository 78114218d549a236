package hostnet_test

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// TestSame: leases that differ in any one field are two, but for their end.
func TestSame(t *testing.T) {
	assert.True(t, hostnet.Lease{}.Same(hostnet.Lease{}))
	for field := range reflect.TypeFor[hostnet.Lease]().Fields() {
		var l hostnet.Lease
		v := reflect.ValueOf(&l).Elem().FieldByIndex(field.Index)
		switch v.Interface().(type) {
		case string:
			v.SetString("x")
		case int:
			v.SetInt(1)
		case netip.Addr:
			v.Set(reflect.ValueOf(netip.IPv6Unspecified()))
		case time.Time:
			v.Set(reflect.ValueOf(time.Unix(1, 0)))
		default:
			require.Equal(t, reflect.Slice, v.Kind(), "%s: what is another value of it?", field.Name)
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		assert.Equal(t, field.Name == "Expire", l.Same(hostnet.Lease{}), field.Name)
		assert.True(t, l.Same(l), field.Name)
	}
}
