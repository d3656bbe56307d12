package tcp

import (
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// GiveUp bounds how long the kernel goes on sending what the other end does not
// acknowledge. Its own patience is about 15 minutes: a start that was written as
// the network went away would arrive when it comes back, long after its deadline.
func GiveUp(c net.Conn, after time.Duration) error {
	return set(c, unix.TCP_USER_TIMEOUT, int(after.Milliseconds()))
}

// Acknowledge makes the kernel confirm at once what arrives, for a while. A client
// that publishes twice, disconnects and closes without reading needs that: its
// kernel keeps the second small packet back until the first is confirmed (Nagle),
// and drops what it keeps back when the connection is closed with our answer unread.
func Acknowledge(c net.Conn) error { return set(c, unix.TCP_QUICKACK, 1) }

// set sets an option of TCP where there is a socket.
func set(c net.Conn, option, value int) error {
	sock, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sock.SyscallConn()
	if err != nil {
		return fmt.Errorf("reach socket: %w", err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, option, value)
	}); err != nil {
		return fmt.Errorf("reach socket: %w", err)
	}
	if failed != nil {
		return fmt.Errorf("set option %d of TCP: %w", option, failed)
	}
	return nil
}
