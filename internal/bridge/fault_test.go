package bridge

import (
	"net"
	"sync"
	"testing"
	"time"
)

// fault is a stretch of network between a bridge and its cloud.
type fault struct {
	l    net.Listener
	to   string
	work sync.WaitGroup

	mu    sync.Mutex
	free  *sync.Cond
	held  way // what is sent this way is kept, and comes when that ends
	late  time.Duration
	conns []net.Conn
}

// way is one direction between bridge and cloud, or both.
type way int

const (
	up way = 1 << iota // from the bridge
	down
	both = up | down
)

func faulty(t testing.TB, to string) *fault {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fault{l: l, to: to}
	f.free = sync.NewCond(&f.mu)
	f.work.Go(f.run)
	t.Cleanup(func() { _ = l.Close(); f.hold(0); f.cut(); f.work.Wait() })
	return f
}

func (f *fault) run() {
	for {
		near, err := f.l.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", f.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		f.mu.Lock()
		f.conns = append(f.conns, near, far)
		f.mu.Unlock()
		f.work.Go(func() { f.pass(up, near, far) })
		f.work.Go(func() { f.pass(down, far, near) })
	}
}

// pass carries bytes one way. Neither end learns of the other's while they are held,
// as in a network that lost its way.
func (f *fault) pass(w way, from, to net.Conn) {
	type piece struct {
		data []byte
		due  time.Time
	}
	pieces := make(chan piece, 1024)
	f.work.Go(func() {
		defer to.Close()
		for p := range pieces {
			<-time.After(time.Until(p.due))
			f.mu.Lock()
			for f.held&w != 0 {
				f.free.Wait()
			}
			f.mu.Unlock()
			if _, err := to.Write(p.data); err != nil {
				return
			}
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		for f.held&w != 0 {
			f.free.Wait()
		}
	})
	defer close(pieces)
	for {
		buf := make([]byte, 32<<10)
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		f.mu.Lock()
		late := f.late
		f.mu.Unlock()
		pieces <- piece{buf[:n], time.Now().Add(late)}
	}
}

func (f *fault) hold(held way) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = held
	f.free.Broadcast()
}

func (f *fault) delay(late time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.late = late
}

func (f *fault) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		_ = c.Close()
	}
	f.conns = nil
}
