package sim

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"net"
	"time"

	"github.com/grovecloud/grove"
)

const (
	faceGuests = 8                // connections that files, camera and video each bear
	faceWrites = 10 * time.Second // a reader that takes nothing for so long is gone
)

// few bears so many connections at a time and closes one more at once, as a
// printer's small network stack would.
func few(each func(ctx context.Context, conn net.Conn)) func(ctx context.Context, conn net.Conn) {
	places := make(chan struct{}, faceGuests)
	return func(ctx context.Context, conn net.Conn) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			each(ctx, conn)
		default:
		}
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
