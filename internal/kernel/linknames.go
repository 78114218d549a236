package kernel

import (
	"context"
	"errors"
	"fmt"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// LinkNames returns the name of every link, by its index.
func (c *Conn) LinkNames(ctx context.Context) (map[int]string, error) {
	names := make(map[int]string)
	err := wholeDump(ctx, func() error {
		links, err := c.handle.LinkList()
		clear(names)
		for _, l := range links {
			names[l.Attrs().Index] = l.Attrs().Name
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading links: %w", err)
	}
	return names, nil
}

// Named reports whether there is a link of this name, an alternative one left
// aside.
func (c *Conn) Named(name string) (bool, error) {
	index, err := c.LinkIndex(name)
	var now string
	if err == nil {
		now, err = c.LinkName(index)
	}
	if errors.Is(err, hostnet.ErrLinkGone) {
		return false, nil
	}
	return now == name, err
}
