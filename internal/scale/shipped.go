package scale

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/cloud"
)

// Shipped is what decides when an instance asks.
type Shipped struct {
	// Interval is from the end of a sync to the next one, Delay the most that an
	// instance adds, and Accuracy the most that systemd does.
	Interval, Delay, Accuracy time.Duration
	// Fixed says that the delay of an instance is the same each time.
	Fixed bool
	// Restart is from the end of a sync that was told nothing to the next one.
	Restart time.Duration
	// Times are the client's; First and Any are how long a sync goes on asking.
	Times      cloud.Times
	First, Any time.Duration
}

// ReadShipped reads the units in dir; the rest is compiled in.
func ReadShipped(dir string) (Shipped, error) {
	s := Shipped{Times: cloud.DefaultTimes(), First: cloud.FirstAnswer, Any: cloud.AnyAnswer}
	timer, err := readUnit(filepath.Join(dir, "netbrk-cloud-sync.timer"))
	if err != nil {
		return s, err
	}
	service, err := readUnit(filepath.Join(dir, "netbrk-cloud-sync.service"))
	if err != nil {
		return s, err
	}
	// The first sync is the timer's own, with no delay before it.
	if timer["Wants"] != "netbrk-cloud-sync.service" || timer["OnActiveSec"] != "" || timer["OnBootSec"] != "" {
		return s, fmt.Errorf("reading units in %q: the first sync is not started with the timer any more", dir)
	}
	s.Fixed = timer["FixedRandomDelay"] == "yes"
	for _, v := range []struct {
		unit map[string]string
		key  string
		to   *time.Duration
	}{
		{timer, "OnUnitInactiveSec", &s.Interval},
		{timer, "RandomizedDelaySec", &s.Delay},
		{timer, "AccuracySec", &s.Accuracy},
		{service, "RestartSec", &s.Restart},
	} {
		// systemd.time(7) has "min" where Go has "m".
		if *v.to, err = time.ParseDuration(strings.Replace(v.unit[v.key], "min", "m", 1)); err != nil {
			return s, fmt.Errorf("reading units in %q: %s: %w", dir, v.key, err)
		}
	}
	return s, nil
}

// readUnit returns the settings of a unit file of ours, in which no key that counts
// stands twice.
func readUnit(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading unit: %w", err)
	}
	settings := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			settings[key] = value
		}
	}
	return settings, nil
}
