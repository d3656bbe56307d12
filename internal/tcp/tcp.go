// Package tcp keeps a kernel from delivering commands late: what it holds for a
// machine that does not listen is given up soon, or dropped at once.
package tcp

import "net"

// Cut closes a connection at once. What the kernel holds for the other end is
// dropped: it would send it again and again, and a start must not arrive late.
func Cut(c net.Conn) {
	if l, ok := c.(interface{ SetLinger(seconds int) error }); ok {
		_ = l.SetLinger(0)
	}
	_ = c.Close()
}
