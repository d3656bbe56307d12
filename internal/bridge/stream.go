package bridge

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"time"
)

// stream is the cloud's end of a connection that a bridge elsewhere holds to a
// printer. It is a pipe, since connections have deadlines and HTTP/2 streams none.
type stream struct {
	net.Conn

	remote net.Addr
}

// RemoteAddr is the printer's address in its own network.
func (s stream) RemoteAddr() net.Addr { return s.remote }

// SetReadDeadline bounds reading. A pipe refuses that once the far end has closed,
// when TLS may still hold what came before.
func (s stream) SetReadDeadline(t time.Time) error {
	if err := s.Conn.SetReadDeadline(t); !errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	return nil
}

// lull is how long the far end may take to close after ours was closed.
const lull = 10 * time.Second

// newStream joins a request's body and its answer's to one connection. end ends the
// request; it is called when both bodies are over, or when that takes too long.
func newStream(remote netip.AddrPort, up *io.PipeWriter, down io.ReadCloser, end func()) stream {
	near, far := net.Pipe()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, err := io.Copy(up, far)
		_ = up.CloseWithError(err) // nil ends it in order: what was written before arrives
	}()
	go func() {
		defer end()
		heard := make(chan struct{})
		go func() {
			defer close(heard)
			_, _ = io.Copy(far, down)
			_ = far.Close()
			_, _ = io.Copy(io.Discard, down) // near was closed first
		}()
		select {
		case <-heard:
		case <-sent:
			late := time.AfterFunc(lull, end)
			defer late.Stop()
		}
		<-heard
		<-sent
		_ = down.Close()
	}()
	return stream{near, net.TCPAddrFromAddrPort(remote)}
}
