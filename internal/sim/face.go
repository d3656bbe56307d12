package sim

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

const (
	faceGuests = 8                // connections that files, camera and video each bear
	faceWrites = 10 * time.Second // a reader that takes nothing for so long is gone
)

// guests are who is connected to a printer's files, camera and video.
type guests struct {
	mu  sync.Mutex
	all map[*context.CancelFunc]bool
}

// few bears so many connections at a time and closes one more at once, as a
// printer's small network stack would.
func (g *guests) few(each func(ctx context.Context, conn net.Conn)) func(ctx context.Context, conn net.Conn) {
	places := make(chan struct{}, faceGuests)
	return func(ctx context.Context, conn net.Conn) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			ctx, leave := g.enter(ctx)
			defer leave()
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			each(ctx, conn)
		default:
		}
	}
}

func (g *guests) enter(ctx context.Context) (_ context.Context, leave func()) {
	ctx, cancel := context.WithCancel(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all == nil {
		g.all = map[*context.CancelFunc]bool{}
	}
	g.all[&cancel] = true
	return ctx, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.all, &cancel)
		cancel()
	}
}

// cut ends everybody's connections.
func (g *guests) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for cancel := range g.all {
		(*cancel)()
	}
}

// shake does the server's part of a TLS handshake in good time.
func shake(ctx context.Context, raw net.Conn, secure *tls.Config) (*tls.Conn, error) {
	conn := tls.Server(raw, secure)
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	return conn, conn.HandshakeContext(ctx)
}

// pause waits and reports whether ctx still lives.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

// sameCode compares an access code in constant time. A printer without one lets nobody in.
func sameCode(given string, code grove.Secret) bool {
	return code != "" && subtle.ConstantTimeCompare([]byte(given), []byte(code)) == 1
}
