package bridge

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"golang.org/x/sys/unix"
)

// wifi is a network on the way to a machine, which a test lets drop out.
type wifi struct {
	net.Listener
	mu    sync.Mutex // held while it is out
	ended chan error // how the bridge's first connection ended, on the machine's side
}

func between(t *testing.T, m *machine) *wifi {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wifi{Listener: l, ended: make(chan error, 100)}
	beyond := at(m.Host, m.MQTTS)
	m.MQTTS = l.Addr().(*net.TCPAddr).Port
	var all sync.WaitGroup
	all.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", beyond)
			if err != nil {
				_ = near.Close()
				continue
			}
			all.Go(func() { _, _ = io.Copy(near, far); _ = near.Close() })
			all.Go(func() { w.ended <- w.pass(far, near); _ = far.Close() })
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return w
}

func (w *wifi) pass(to, from net.Conn) error {
	buf := make([]byte, 16<<10)
	for {
		w.mu.Lock()
		w.mu.Unlock() //nolint:staticcheck // waits until the network is there
		n, err := from.Read(buf)
		if err != nil {
			return err
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return err
		}
	}
}

func TestACommandDoesNotArriveWhenTheNetworkIsBackLater(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	var mu sync.Mutex
	heard := 0
	m := serve(t, a.printer(t, good), good, 0, func(conn net.Conn) {
		answer(conn, func(p *packets.PublishPacket) {
			if strings.Contains(string(p.Payload), "start") {
				mu.Lock()
				heard++
				mu.Unlock()
			}
		})
	})
	air := between(t, m)
	d := newDesk(m.LAN)
	open(t, d, func(c *Config) { c.Ping = 20 * time.Second })
	until(t, "it is connected", func() bool { return d.link() != nil })
	link := d.link()

	air.mu.Lock()
	full := time.Now().Add(time.Second)
	stood := time.Now()
	until(t, "the network takes nothing any more", func() bool {
		if len(link.out) < 4 {
			stood = time.Now()
			if err := link.Send(make([]byte, 64<<10), full, func() {}); err != nil {
				t.Fatal(err)
			}
		}
		return time.Since(stood) > 100*time.Millisecond
	})
	unsent := make(chan bool, 1)
	if err := link.Send([]byte("start"), time.Now().Add(200*time.Millisecond), func() { unsent <- true }); err != nil {
		t.Fatal(err)
	}
	select {
	case <-unsent:
	case <-time.After(8 * time.Second):
		t.Error("nobody was told that the start did not leave")
	}
	until(t, "the connection is given up", link.ended)
	<-time.After(50 * time.Millisecond)
	air.mu.Unlock()
	if err := <-air.ended; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection ended with %v, want a reset", err)
	}
	until(t, "it is connected again", func() bool { return d.connects(good) > 1 })
	mu.Lock()
	defer mu.Unlock()
	if heard != 0 {
		t.Errorf("the start arrived %d times", heard)
	}
}

func TestACommandIsNotWrittenAfterItsTime(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	seen := make(chan string, 10)
	m := serve(t, a.printer(t, good), good, 0, func(conn net.Conn) {
		answer(conn, func(p *packets.PublishPacket) { seen <- string(p.Payload) })
	})
	d := newDesk(m.LAN)
	open(t, d)
	until(t, "it is connected", func() bool { return d.link() != nil })
	unsent := make(chan bool, 1)
	if err := d.link().Send([]byte("old"), time.Now(), func() { unsent <- true }); err != nil {
		t.Fatal(err)
	}
	<-unsent
	if err := d.link().Send([]byte("new"), soon(), func() { t.Error("late") }); err != nil {
		t.Fatal(err)
	}
	if got := <-seen; got != "new" {
		t.Errorf("heard %q", got)
	}
}

func TestTheKernelSendsCommandsAgainForTenSecondsOnly(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	m := serve(t, a.printer(t, good), good, 0, func(conn net.Conn) { answer(conn, func(*packets.PublishPacket) {}) })
	d := newDesk(m.LAN)
	open(t, d)
	until(t, "it is connected", func() bool { return d.link() != nil })
	raw, err := d.link().conn.NetConn().(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		if got, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT); err != nil || got != 10_000 {
			t.Errorf("it gives up after %d ms, %v", got, err)
		}
	}); err != nil {
		t.Fatal(err)
	}
}
