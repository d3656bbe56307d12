package broker

import (
	"crypto/tls"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// slowSender is a client as the Python example is one: its kernel collects small
// packets, it never reads, and it closes at once.
func slowSender(t *testing.T, r *rig) (w *wire, answered func() bool) {
	t.Helper()
	tcp, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tcp.Close() })
	line, ok := tcp.(*net.TCPConn)
	if !ok {
		t.Fatalf("a connection over %T", tcp)
	}
	if err := line.SetNoDelay(false); err != nil {
		t.Fatal(err)
	}
	raw, err := line.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	conn := tls.Client(line, clientTLS("grove.test"))
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	return &wire{t: t, conn: conn}, func() (waits bool) {
		_ = raw.Control(func(fd uintptr) {
			n, _, _ := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			waits = n > 0
		})
		return waits
	}
}

// closeUnread closes below TLS, which would say goodbye first.
func closeUnread(t *testing.T, w *wire) {
	t.Helper()
	conn, ok := w.conn.(*tls.Conn)
	if !ok {
		t.Fatalf("a connection over %T", w.conn)
	}
	_ = conn.NetConn().Close()
}

// Twenty times each: at once, slowly, and only after the answer.
func TestWhoPublishesTwiceAndClosesUnreadIsHeardTwice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		waits bool // for the answer, without reading it
		pause time.Duration
	}{"at once": {false, 0}, "slowly": {false, 10 * time.Millisecond}, "late": {true, 10 * time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, nil)
			for i := range 20 {
				w, answered := slowSender(t, r)
				w.send(w.hello(connect{user: "u_1"}))
				if c.waits {
					r.until(t, "the answer is there, and unread", answered)
				}
				<-time.After(c.pause)
				w.publish(requestA1, `{"print":{"command":"pause"}}`)
				if !c.waits {
					<-time.After(c.pause)
				}
				w.publish(requestA1, `{"print":{"command":"set_nozzle_temp","param":"220"}}`)
				w.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Disconnect}})
				closeUnread(t, w)
				r.until(t, "both were heard", func() bool { return len(r.requests) == 2*(i+1) })
			}
		})
	}
}
