package bustest

import (
	"bufio"
	"encoding/binary"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Mute has the test take for the system bus one that lets everybody in, and answers
// nothing after that: a bus that was stopped in the middle of a conversation.
func Mute(t *testing.T) {
	t.Helper()
	listen(t, func(conn net.Conn) { go letIn(conn) })
}

// Forbid has the test fail if anybody connects to the system bus.
func Forbid(t *testing.T) {
	t.Helper()
	listen(t, func(conn net.Conn) {
		assert.Fail(t, "the system bus was connected to")
		_ = conn.Close()
	})
}

// listen hands over each connection to what the test takes for the system bus.
func listen(t *testing.T, serve func(net.Conn)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bus")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serve(conn)
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+path)
}

// letIn speaks the server's side of the specification's "Authentication Protocol",
// and answers the first message, which is Hello.
func letIn(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	answers := map[string]string{"\x00AUTH": "REJECTED EXTERNAL", "AUTH": "OK 0123456789abcdef0123456789abcdef", "NEGOTIATE_UNIX_FD": "AGREE_UNIX_FD"}
	for {
		line, err := in.ReadString('\n')
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if err != nil {
			return
		}
		if word == "BEGIN" {
			break
		}
		if _, err := conn.Write([]byte(answers[word] + "\r\n")); err != nil {
			return
		}
	}
	for said := false; ; said = true {
		m, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		if said {
			continue
		}
		reply := &dbus.Message{
			Type: dbus.TypeMethodReply,
			Headers: map[dbus.HeaderField]dbus.Variant{
				dbus.FieldReplySerial: dbus.MakeVariant(m.Serial()),
				dbus.FieldSignature:   dbus.MakeVariant(dbus.SignatureOf("")),
			},
			Body: []any{":1.1"},
		}
		if reply.EncodeTo(conn, binary.LittleEndian) != nil {
			return
		}
	}
}
