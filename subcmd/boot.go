package subcmd

import (
	"fmt"
	"os"
	"strings"

	"github.com/netbrk/netbrk/internal/systemd"
)

// bootID tells this boot from others. systemd tells it to units, in whose /proc
// there is no random(4): ProcSubset=pid. It writes it without the kernel's dashes.
func bootID() string {
	id := os.Getenv("NETBRK_BOOT_ID")
	if id == "" {
		raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
		if err != nil {
			return ""
		}
		id = strings.TrimSpace(string(raw))
	}
	return strings.ReplaceAll(id, "-", "")
}

// upSeconds is for how long this boot has been running; 0 where nobody can say.
func upSeconds() float64 {
	now, err := systemd.Monotonic()
	if err != nil {
		return 0
	}
	return now.Seconds()
}

// monotonicMicroseconds is that as sd_notify(3) has it with RELOADING=1.
func monotonicMicroseconds() string {
	now, err := systemd.Monotonic()
	if err != nil {
		return "0"
	}
	return fmt.Sprint(now.Microseconds())
}
