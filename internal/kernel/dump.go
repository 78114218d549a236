package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// dumpTries bounds how often an interrupted dump is asked for again. A table
// that changes faster than it can be read is read as it comes after that: the
// messages that interrupted it are in the notification socket.
const dumpTries = 5

// errInterrupted marks a dump that the kernel says is inconsistent.
var errInterrupted = errors.New("dump was interrupted by changes")

// dumpRequest is a request for all objects of one kind.
func dumpRequest(object hostnet.Object) []byte {
	// The headers that the kernel's strict checking wants (NETLINK_GET_STRICT_CHK).
	kinds := map[hostnet.Object]struct {
		kind uint16
		size int
	}{
		hostnet.ObjectLink:  {unix.RTM_GETLINK, unix.SizeofIfInfomsg},
		hostnet.ObjectAddr:  {unix.RTM_GETADDR, unix.SizeofIfAddrmsg},
		hostnet.ObjectRoute: {unix.RTM_GETROUTE, unix.SizeofRtMsg},
		hostnet.ObjectRule:  {unix.RTM_GETRULE, unix.SizeofRtMsg},
	}
	k := kinds[object]
	req := make([]byte, unix.SizeofNlMsghdr+k.size)
	binary.NativeEndian.PutUint32(req[0:], uint32(len(req)))
	binary.NativeEndian.PutUint16(req[4:], k.kind)
	binary.NativeEndian.PutUint16(req[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	return req
}

// Dump passes on every object of a kind. It calls start before the first one,
// and again when the kernel interrupted the dump and it is repeated: what was
// passed on before that is void.
func (m *Monitor) Dump(object hostnet.Object, start func(), use func(hostnet.Change)) error {
	// A socket of its own, which joins no group: answers and notifications
	// do not mix, and neither can overrun the other.
	s, err := openSocket()
	if err != nil {
		return err
	}
	defer s.close()
	buf := make([]byte, receiveBytes)
	for try := range dumpTries {
		start()
		err = dumpOnce(s, uint32(try+1), object, buf, use)
		if !errors.Is(err, errInterrupted) {
			break
		}
	}
	if err != nil && !errors.Is(err, errInterrupted) {
		return fmt.Errorf("dumping rtnetlink objects of kind %d: %w", object, err)
	}
	return nil
}

func dumpOnce(s *socket, seq uint32, object hostnet.Object, buf []byte, use func(hostnet.Change)) error {
	req := dumpRequest(object)
	binary.NativeEndian.PutUint32(req[8:], seq)
	if err := unix.Sendto(s.fd, req, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("sending request: %w", err)
	}
	interrupted := false
	for {
		n, err := s.receive(buf)
		if errors.Is(err, unix.EAGAIN) {
			if err = s.wait(); err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		done, err := eachMessage(buf[:n], func(msg message) {
			if msg.seq != seq {
				return // of an earlier try
			}
			interrupted = interrupted || msg.flags&unix.NLM_F_DUMP_INTR != 0
			msg.decode(use)
		})
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	if interrupted {
		return errInterrupted
	}
	return nil
}
