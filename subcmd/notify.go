package subcmd

import (
	"net"
	"os"
	"time"
)

const (
	// notifyPatience is how long the service manager's socket may be full. Nobody
	// reads it while systemd hangs, and who waited for it would miss what the kernel
	// tells meanwhile; what it was to be told comes with the next keep-alive.
	notifyPatience = 5 * time.Millisecond
	// readyPatience is for what is told once.
	readyPatience = 5 * time.Second
)

// notifyWithin tells the service manager something, sd_notify(3), if there is one.
func notifyWithin(patience time.Duration, state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(state))
	return err
}
