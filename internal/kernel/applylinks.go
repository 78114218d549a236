package kernel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// ApplyLinks is Apply for links and their addresses. An address is added for
// ever and with hostnet.Protocol, whatever its Protocol says; one that is there
// already with the same prefix is no failure, whoever added it and with
// whatever flags. One that is there with a prefix of another length is one,
// which wraps unix.EEXIST: IPv6 has each address once on a link, IPv4 once with
// each prefix. Nor is the deletion of what is gone a failure; it takes the
// address of that very prefix alone.
//
// To delete the first IPv4 address of a subnet deletes the others of the subnet,
// unless net.ipv4.conf.*.promote_secondaries is set (__inet_del_ifa in
// devinet.c). A link whose MTU is refused is not set up either.
func (p *Policy) ApplyLinks(ctx context.Context, steps []hostnet.LinkStep) (map[int]error, error) {
	failed, err := carryOut(ctx, p, steps, stepKind[hostnet.LinkStep]{
		refusal: linkRefusal, encode: (*encoder).linkStep, verdict: linkVerdict, named: p.linkStepError,
	})
	if err == nil {
		err = p.settleExisting(ctx, steps, failed)
	}
	if err != nil {
		return failed, fmt.Errorf("changing links: %w", err)
	}
	if len(failed) == 0 {
		return nil, nil
	}
	return failed, nil
}

// settleExisting takes out of failed the additions whose address is there as it
// was to be, which EEXIST does not tell.
func (p *Policy) settleExisting(ctx context.Context, steps []hostnet.LinkStep, failed map[int]error) error {
	wanted := make(map[int]*hostnet.LinkFacts)
	for i, err := range failed {
		if errors.Is(err, unix.EEXIST) {
			wanted[steps[i].Index] = &hostnet.LinkFacts{}
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	if err := p.addresses(ctx, wanted); err != nil {
		return fmt.Errorf("reading addresses: %w", err)
	}
	there := make(map[int]map[netip.Prefix]bool, len(wanted))
	for index, l := range wanted {
		there[index] = make(map[netip.Prefix]bool, len(l.Addrs))
		for _, a := range l.Addrs {
			there[index][a.Prefix] = true
		}
	}
	for i, err := range failed {
		if errors.Is(err, unix.EEXIST) && there[steps[i].Index][steps[i].Addr.Prefix] {
			delete(failed, i)
		}
	}
	return nil
}

// linkVerdict is what the kernel's error for a step means, see stepKind.
func linkVerdict(s hostnet.LinkStep, err error) error {
	switch {
	case s.Op == hostnet.OpDelete && errors.Is(err, unix.EADDRNOTAVAIL):
		return nil
	case errors.Is(err, unix.ENODEV):
		return hostnet.ErrLinkGone
	}
	return err
}

// linkRefusal is why a step is not sent, see stepKind.
func linkRefusal(s hostnet.LinkStep) error {
	switch {
	case s.Op == hostnet.OpReplace && s.IsAddr():
		return errors.New("an address is added or deleted")
	case s.Op == hostnet.OpDelete && !s.IsAddr():
		return errors.New("netbrk deletes no links")
	case s.IsAddr() && s.Addr.Peer.IsValid() && s.Addr.Peer.BitLen() != s.Addr.Prefix.Addr().BitLen():
		return errors.New("address and peer are of two families")
	}
	return nil
}

// linkStepError names the step that an error is of.
func (p *Policy) linkStepError(s hostnet.LinkStep, err error) error {
	link, _ := p.socket.linkName(s.Index)
	switch {
	case s.IsAddr() && s.Op == hostnet.OpDelete:
		return fmt.Errorf("deleting address %s from %s: %w", s.Addr.Prefix, link, err)
	case s.IsAddr():
		return fmt.Errorf("%s address %s to %s: %w", doing(s.Op), s.Addr.Prefix, link, err)
	}
	var change strings.Builder
	if s.MTUBytes != 0 {
		fmt.Fprintf(&change, " mtu %d", s.MTUBytes)
	}
	if s.Up {
		change.WriteString(" up")
	}
	return fmt.Errorf("setting link %s%s: %w", link, change.String(), err)
}
