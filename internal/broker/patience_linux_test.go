package broker

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/grovecloud/grove"
)

func TestCommandsForAPrinterAreNotSentAgainForLong(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	r.join(t, connect{user: "A1"}).ping()
	r.join(t, connect{user: "u_1"}).ping()
	for _, s := range r.broker.roll.present(func(grove.Actor) bool { return true }) {
		want := 0 // the kernel's own
		if s.actor.Kind == grove.ActorPrinter {
			want = 10_000
		}
		tcp, ok := s.tls.NetConn().(*socket).Conn.(*net.TCPConn)
		if !ok {
			t.Fatalf("a connection over %T", s.socket.Conn)
		}
		raw, err := tcp.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if err := raw.Control(func(fd uintptr) {
			got, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
			if err != nil || got != want {
				t.Errorf("%s: gives up after %d ms, %v; want %d", s.actor, got, err, want)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// What a printer has not read when its connection is cut it never gets: it would
// be a command that arrives when nobody expects it any more.
func TestWhatIsUnreadWhenAConnectionIsCutNeverArrives(t *testing.T) {
	t.Parallel()
	for reason, drain := range map[string]time.Duration{"kicked": time.Minute, "slow_reader": 500 * time.Millisecond} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			r := start(t, func(c *Config) { c.Limits.Drain = drain })
			w := r.join(t, connect{user: "A1"})
			w.subscribe(0, requestA1)
			l := r.link(t)
			taken := time.Now()
			r.until(t, "no socket takes any more", func() bool {
				if l.Send(payloadOf(200<<10), soon(), func() {}) == nil {
					taken = time.Now()
				}
				return time.Since(taken) > 200*time.Millisecond
			})
			if reason == "kicked" {
				l.Close(reason)
			}
			r.wantTrail(t, "+A1", "-A1 "+reason)
			r.untilMetric(t, "connections", "", 0)
			_ = w.conn.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.Copy(io.Discard, w.in); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the connection ended with %v, want a reset", err)
			}
		})
	}
}
