package kernel

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// message is one netlink message: header fields, and the body after it.
type message struct {
	kind  uint16
	flags uint16
	seq   uint32
	body  []byte
}

// errCut marks a message that ends before its own length says.
var errCut = errors.New("netlink message is cut off")

// eachMessage calls use for every message of a datagram. done is true when
// the datagram ends a dump (NLMSG_DONE) or is an acknowledgement.
func eachMessage(datagram []byte, use func(message)) (done bool, err error) {
	for len(datagram) >= unix.SizeofNlMsghdr {
		var msg message
		if msg, datagram, err = firstMessage(datagram); err != nil {
			return false, err
		}
		switch msg.kind {
		case unix.NLMSG_NOOP:
		case unix.NLMSG_DONE:
			use(msg) // its flags may say that the dump was interrupted
			if len(msg.body) < 4 {
				return true, nil
			}
			// A dump that failed in its midst ends with the error
			// (netlink_dump_done in af_netlink.c).
			return true, msg.err()
		case unix.NLMSG_ERROR:
			return true, msg.err()
		case unix.NLMSG_OVERRUN:
			return false, ErrOverrun
		default:
			use(msg)
		}
	}
	return false, nil
}

// firstMessage splits a datagram, of at least a header, after its first message.
func firstMessage(datagram []byte) (msg message, rest []byte, err error) {
	length := int(binary.NativeEndian.Uint32(datagram))
	if length < unix.SizeofNlMsghdr || length > len(datagram) {
		return message{}, nil, errCut
	}
	msg = message{
		kind:  binary.NativeEndian.Uint16(datagram[4:]),
		flags: binary.NativeEndian.Uint16(datagram[6:]),
		seq:   binary.NativeEndian.Uint32(datagram[8:]),
		body:  datagram[unix.SizeofNlMsghdr:length],
	}
	return msg, datagram[min(align(length), len(datagram)):], nil
}

// err is the error that an NLMSG_ERROR message carries; none for a plain
// acknowledgement.
func (m message) err() error {
	if len(m.body) < 4 {
		return errCut
	}
	code := int32(binary.NativeEndian.Uint32(m.body))
	if code == 0 {
		return nil
	}
	return unix.Errno(-code)
}

// eachAttribute calls use for every attribute that follows a fixed header of
// size bytes. Types come without the flag bits of uapi/linux/netlink.h. It
// allocates nothing: a full routing table passes through here.
func eachAttribute(body []byte, size int, use func(kind uint16, value []byte)) {
	if len(body) < size {
		return
	}
	for rest := body[size:]; len(rest) >= unix.SizeofNlAttr; {
		length := int(binary.NativeEndian.Uint16(rest))
		if length < unix.SizeofNlAttr || length > len(rest) {
			return
		}
		kind := binary.NativeEndian.Uint16(rest[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
		use(kind, rest[unix.SizeofNlAttr:length])
		rest = rest[min(align(length), len(rest)):]
	}
}

// align rounds up to NLMSG_ALIGNTO and NLA_ALIGNTO, which are both 4.
func align(n int) int { return (n + 3) &^ 3 }

// decode passes the change that a message tells of to use; a multipath route
// once for each of its links. Messages of other kinds are none of ours.
func (m message) decode(use func(hostnet.Change)) {
	switch m.kind {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		m.decodeLink(use)
		return
	}
	// All the others start with their family; a dump of every family also
	// brings multicast routing's rules and MPLS routes.
	if len(m.body) == 0 || (m.body[0] != unix.AF_INET && m.body[0] != unix.AF_INET6) {
		return
	}
	switch m.kind {
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		m.decodeAddr(use)
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		m.decodeRoute(use)
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		m.decodeRule(use)
	}
}

func native32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

func native16(b []byte) uint16 {
	if len(b) < 2 {
		return 0
	}
	return binary.NativeEndian.Uint16(b)
}

func text(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
