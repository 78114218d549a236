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

// ErrInterrupted says that what a dump tells is not what was there at any one
// moment: the kernel marked it (NLM_F_DUMP_INTR of uapi/linux/netlink.h), or
// told of a change while it went on.
var ErrInterrupted = errors.New("dump was interrupted by changes")

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
		err = s.dump(dumpRequest(object), uint32(try+1), buf, func(msg message) { msg.decode(use) })
		if !errors.Is(err, ErrInterrupted) {
			break
		}
	}
	if err != nil && !errors.Is(err, ErrInterrupted) {
		return fmt.Errorf("reading %s: %w", object, err)
	}
	return nil
}

// dump sends a request for a dump and passes on the messages of the answer, the
// last one, NLMSG_DONE, included. It reads an interrupted dump to its end too,
// and then returns ErrInterrupted.
func (s *socket) dump(req []byte, seq uint32, buf []byte, use func(message)) error {
	binary.NativeEndian.PutUint32(req[8:], seq)
	if err := s.send(req); err != nil {
		return fmt.Errorf("sending request: %w", err)
	}
	interrupted := false
	for {
		n, err := s.next(buf)
		if errors.Is(err, ErrOverrun) {
			// Notifications alone can be lost: the kernel makes more of the
			// answer only when there is room for it.
			interrupted = true
			continue
		}
		if err != nil {
			return err
		}
		done, err := eachMessage(buf[:n], func(msg message) {
			// A notification has no part in an answer, which NLM_F_MULTI marks.
			if msg.seq != seq || msg.flags&unix.NLM_F_MULTI == 0 {
				interrupted = true
				return
			}
			interrupted = interrupted || msg.flags&unix.NLM_F_DUMP_INTR != 0
			use(msg)
		})
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	if interrupted {
		return ErrInterrupted
	}
	return nil
}
