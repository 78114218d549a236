package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// batchSteps is how many steps go to the kernel in one send: few enough that
// the answers to all of them fit the receive buffer, and that somebody else's
// request gets its turn; the send itself costs nothing beside them.
const batchSteps = 128

// Apply carries the steps out in order and returns an error for each step that
// failed, by its position; nil when all succeeded. A rule that is there already
// is no failure of its addition, nor is an object that is gone of its deletion.
// A step's error may wrap hostnet.ErrOccupied or hostnet.ErrLinkGone. The second
// error is what ended the whole call: os.ErrPermission, ctx's error, an answer that
// did not come. Then nothing is known of the steps that no error is told of.
//
// For each rule the kernel walks its list of them, sorted by priority and age:
// to the end of the priority to add one, to the first that matches to delete it
// (fib_rules.c). So many rules are best added from the highest priority number
// down, and deleted in the order in which Rules tells them: with 30,000 that
// took a fifth and a hundredth of the time of the reverse (Linux 6.18).
func (p *Policy) Apply(ctx context.Context, steps []hostnet.Step) (map[int]error, error) {
	failed, err := carryOut(ctx, p, steps, stepKind[hostnet.Step]{
		refusal: refusal, encode: (*encoder).step, verdict: verdict, named: p.stepError,
	})
	if err != nil {
		return failed, fmt.Errorf("changing policy routing: %w", err)
	}
	return failed, nil
}

// stepKind is what there is to know of steps of one type.
type stepKind[S any] struct {
	// refusal is why a step is not sent; nil for one that is.
	refusal func(S) error
	// encode appends the step's one message.
	encode func(e *encoder, s S, seq uint32)
	// verdict makes of the kernel's error for a step what it means to the
	// caller; nil for none.
	verdict func(S, error) error
	// named names the step that an error is of.
	named func(S, error) error
}

// carryOut is Apply for steps of one kind.
func carryOut[S any](ctx context.Context, p *Policy, steps []S, kind stepKind[S]) (map[int]error, error) {
	var failed map[int]error
	done := 0
	for batch := range slices.Chunk(steps, batchSteps) {
		fail := func(i int, err error) {
			if failed == nil {
				failed = make(map[int]error)
			}
			failed[done+i] = kind.named(batch[i], err)
		}
		err := ctx.Err()
		if err == nil {
			err = applyBatch(p, batch, kind, fail)
		}
		if err != nil {
			return failed, err
		}
		done += len(batch)
	}
	return failed, nil
}

// applyBatch calls fail for each step that fails, by its position.
func applyBatch[S any](p *Policy, steps []S, kind stepKind[S], fail func(i int, err error)) error {
	p.out.reset()
	p.sent = p.sent[:0]
	for i, s := range steps {
		if err := kind.refusal(s); err != nil {
			fail(i, err)
			continue
		}
		p.seq++
		kind.encode(&p.out, s, p.seq)
		p.sent = append(p.sent, i)
	}
	if len(p.sent) == 0 {
		return nil
	}
	p.out.acknowledge()
	if err := p.socket.send(p.out.buf); err != nil {
		return fmt.Errorf("sending %d steps: %w", len(p.sent), err)
	}
	return p.answers(func(i int, err error) {
		if err = kind.verdict(steps[i], err); err != nil {
			fail(i, err)
		}
	})
}

// answers reads what the kernel says to the steps that were sent. A failure
// answers by itself, in order; a success only where it was asked to, which is
// for the last one.
func (p *Policy) answers(fail func(i int, err error)) error {
	first := p.seq - uint32(len(p.sent)) + 1
	for {
		n, err := p.socket.next(p.buf)
		if err != nil {
			return fmt.Errorf("waiting for the kernel's answer: %w", err)
		}
		for datagram := p.buf[:n]; len(datagram) >= unix.SizeofNlMsghdr; {
			var msg message
			if msg, datagram, err = firstMessage(datagram); err != nil {
				return err
			}
			i := msg.seq - first
			if msg.kind != unix.NLMSG_ERROR || i >= uint32(len(p.sent)) {
				continue // left over from what failed before
			}
			err := msg.err()
			if errors.Is(err, unix.EPERM) {
				// For one as for all. EACCES, which is os.ErrPermission too, is
				// of one step: IPv6 is disabled on its link.
				return err
			}
			if err != nil {
				fail(p.sent[i], explained(err, msg))
			}
			if msg.seq == p.seq {
				return nil
			}
		}
	}
}

// explained adds the kernel's own words, where an answer has some.
func explained(err error, answer message) error {
	// struct nlmsgerr: the error, the header of the message that it is of, and
	// that message's body unless NETLINK_CAP_ACK has it left out.
	size := unix.SizeofNlMsgerr
	if answer.flags&unix.NLM_F_ACK_TLVS == 0 || len(answer.body) < size {
		return err
	}
	if answer.flags&unix.NLM_F_CAPPED == 0 {
		length := int(native32(answer.body[4:]))
		if length < unix.SizeofNlMsghdr || length > len(answer.body) {
			return err
		}
		size += align(length) - unix.SizeofNlMsghdr
	}
	words := ""
	eachAttribute(answer.body, size, func(kind uint16, v []byte) {
		if kind == unix.NLMSGERR_ATTR_MSG {
			words = text(v)
		}
	})
	if words == "" {
		return err
	}
	return fmt.Errorf("%w (%s)", err, words)
}

// verdict is what the kernel's error for a step means, see stepKind.
func verdict(s hostnet.Step, err error) error {
	gone := errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH)
	exists := errors.Is(err, unix.EEXIST)
	switch {
	case s.Op == hostnet.OpDelete && gone, s.IsRule && s.Op == hostnet.OpAdd && exists:
		return nil
	case exists:
		return hostnet.ErrOccupied
	case errors.Is(err, unix.ENODEV):
		return hostnet.ErrLinkGone
	}
	return err
}

// refusal is why a step is not sent, see stepKind.
func refusal(s hostnet.Step) error {
	protocol := s.Route.Protocol
	if s.IsRule {
		protocol = s.Rule.Protocol
	}
	switch {
	case protocol != hostnet.Protocol:
		return fmt.Errorf("protocol %d is not netbrk's", protocol)
	case s.IsRule && s.Rule.Other:
		// To delete it would be to delete the first rule that has all the rest.
		return errors.New("there is more to the rule than netbrk knows")
	case s.IsRule && s.Op == hostnet.OpReplace:
		return errors.New("the kernel replaces no rules")
	}
	return nil
}

// stepError names the step that an error is of. A route that cannot be because
// its link is gone fails in several ways: IPv4 says that the gateway is
// unreachable (fib_check_nh in fib_semantics.c).
func (p *Policy) stepError(s hostnet.Step, err error) error {
	if s.IsRule {
		return fmt.Errorf("%s rule %s: %w", doing(s.Op), s.Rule, err)
	}
	link := ""
	if s.Route.Index != 0 {
		var there bool
		if link, there = p.socket.linkName(s.Route.Index); !there && errors.Is(err, unix.ENETUNREACH) {
			err = hostnet.ErrLinkGone
		}
	}
	return fmt.Errorf("%s route %s: %w", doing(s.Op), s.Route.Describe(link), err)
}

func doing(op hostnet.Op) string {
	switch op {
	case hostnet.OpAdd:
		return "adding"
	case hostnet.OpReplace:
		return "replacing"
	}
	return "deleting"
}
