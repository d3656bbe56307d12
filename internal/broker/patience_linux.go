package broker

import (
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// giveUp bounds how long the kernel goes on sending what the other end does not
// acknowledge. Its own patience is about 15 minutes: a start that was written as
// the network went away would arrive when it comes back, long after its deadline.
func giveUp(c net.Conn, after time.Duration) error {
	sock, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sock.SyscallConn()
	if err != nil {
		return fmt.Errorf("reach socket: %w", err)
	}
	var set error
	if err := raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(after.Milliseconds()))
	}); err != nil {
		return fmt.Errorf("reach socket: %w", err)
	}
	if set != nil {
		return fmt.Errorf("set TCP_USER_TIMEOUT: %w", set)
	}
	return nil
}
