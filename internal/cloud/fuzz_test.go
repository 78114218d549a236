package cloud

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// FuzzRetryAfter: whatever a service asks us to wait, we wait no longer than we would
// for any, and never less than nothing.
func FuzzRetryAfter(f *testing.F) {
	for _, value := range []string{
		"7", "0", "-1", "+7", "2147483647", "4294967296", "99999999999999999999", "7.5", "",
		"Fri, 31 Dec 9999 23:59:59 GMT", "Monday, 01-Jan-01 00:00:00 GMT", "Mon Jan  1 00:00:00 0001",
	} {
		f.Add(value, 3)
	}
	times := DefaultTimes()
	f.Fuzz(func(t *testing.T, value string, tries int) {
		if tries < 0 {
			return
		}
		wait := times.backoff(tries, &http.Response{Header: http.Header{"Retry-After": {value}}})
		assert.GreaterOrEqual(t, wait, time.Duration(0))
		assert.LessOrEqual(t, wait, times.RetryAfterMax*5/4)
		if _, asked := retryAfter(&http.Response{Header: http.Header{"Retry-After": {value}}}); !asked {
			assert.GreaterOrEqual(t, wait, times.Backoff/2, "a hot loop")
			assert.LessOrEqual(t, wait, times.BackoffMax*3/2)
		}
	})
}

// FuzzDetect has firmware, and the environment of process 1, say anything: in a
// virtual machine the host's owner writes both.
func FuzzDetect(f *testing.F) {
	f.Add("Amazon EC2", "m5.large", "ec2e1916-9099-7caf-fd21-012345abcdef", "PATH=/bin\x00container=lxc\x00product_name=OpenStack Nova")
	f.Add("Microsoft Corporation\n", "7783-7084-3265-9085-8269-3286-77\n", "\xff\xff\xff", "HOME=/")
	f.Add("\x1b[2J", "Google\n", "GoogleCloud-1", "container=\x1b]0;x\x07\n")
	names := []string{None}
	for _, rule := range rules() {
		names = append(names, rule.provider)
	}
	f.Fuzz(func(t *testing.T, vendor, product, serial, environ string) {
		root := t.TempDir()
		for path, text := range map[string]string{
			dmiDir + "sys_vendor": vendor, dmiDir + "product_name": product, dmiDir + "chassis_asset_tag": product,
			dmiDir + "product_serial": serial, dmiDir + "product_uuid": serial, "sys/hypervisor/uuid": serial, "proc/1/environ": environ,
		} {
			require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(path)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(root, path), []byte(text), 0o644))
		}
		for name, value := range readMachine(root).facts {
			assert.True(t, hostnet.PrintableText(value, maxFact), "%s: %q", name, value)
			assert.Equal(t, strings.TrimSpace(value), value)
		}
		found := Detect(root, Auto)
		assert.True(t, slices.Contains(names, found.Provider), found.Provider)
		assert.True(t, hostnet.PrintableText(found.Why, 2*maxFact+200), "%q", found.Why)
	})
}
