package dhclient

import (
	"context"
	"log/slog"

	"github.com/netbrk/netbrk/internal/hostnet"
)

type Lease struct {
	hostnet.Lease
	IPv6     bool
	Rejected []string
}

func Read(patterns []string) ([]Lease, []string, error)        { return nil, nil, nil }
func Directories(patterns []string) []string                   { return nil }
func Environment(l hostnet.Lease) string                       { return "" }
func Watch(dirs []string, log *slog.Logger) (*DirWatch, error) { return nil, nil }

type DirWatch struct{}

func (*DirWatch) Run(context.Context)      {}
func (*DirWatch) Changed() <-chan struct{} { return nil }
