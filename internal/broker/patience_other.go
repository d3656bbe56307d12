//go:build !linux

package broker

import (
	"net"
	"time"
)

// giveUp does nothing: how long an unacknowledged command is sent again is up to
// the kernel here.
func giveUp(net.Conn, time.Duration) error { return nil }

// acknowledge does nothing: when it confirms what arrives is up to the kernel here.
func acknowledge(net.Conn) error { return nil }
