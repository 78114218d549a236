package subcmd

import (
	"context"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/netbrk/netbrk/internal/config"
)

// waitForEdit returns when a file beside the configuration changes, or after
// a while.
func waitForEdit(ctx context.Context, path string, most time.Duration) {
	if path == "" {
		path = config.DefaultPath
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		<-ctx.Done()
		return
	}
	defer notify.Close()
	// Where neither exists there is nothing to wait for but time.
	_ = notify.Add(filepath.Dir(path))
	_ = notify.Add(path + ".d")
	select {
	case <-ctx.Done():
	case <-notify.Events:
	}
}
