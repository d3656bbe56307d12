package sim

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"io"
	"log/slog"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grovecloud/grove"
)

const (
	cameraPeriod  = time.Second // between two frames; 0.5 to 1 a second on real printers
	cameraGreets  = 80          // bytes of a viewer's one packet
	cameraGarbage = 4096        // bytes of a frame that is none
)

// CameraFaults are what goes wrong with the camera. The zero CameraFaults are none;
// Garbage is of the P1 and A1 only.
type CameraFaults struct {
	HugeFrame bool `json:"huge_frame"` // frames claim to be 4 GB long, pictures of a video 16,000 points wide and high
	Garbage   bool `json:"garbage"`    // frames hold noise
	Silent    bool `json:"silent"`     // no frames come
	Off       bool `json:"off"`        // LAN liveview is switched off
}

// camera is the JPEG stream of P1 and A1: a packet with the access code, then a
// frame every second, for one viewer at a time (OpenBambuAPI, ha-bambulab).
type camera struct {
	tls     *tls.Config
	code    func() grove.Secret
	picture func() ([]byte, error)
	faults  func() CameraFaults
	log     *slog.Logger
	viewer  chan struct{} // held by the one who watches
	guests  *guests
	views   *atomic.Int64 // viewers that were let in
}

func newCamera(l *lan, p *Printer) *camera {
	return &camera{tls: l.tls(), code: p.accessCode, picture: p.Picture, faults: func() CameraFaults { return p.Faults().Camera }, log: p.cfg.Log, guests: &l.guests, views: &l.views, viewer: make(chan struct{}, 1)}
}

// serve ends with ctx.
func (c *camera) serve(ctx context.Context, l net.Listener) error {
	return serveEach(ctx, l, c.guests.few(func(ctx context.Context, raw net.Conn) {
		conn, err := shake(ctx, raw, c.tls)
		if err != nil || !c.greeted(conn) || c.faults().Off {
			return
		}
		select {
		case c.viewer <- struct{}{}:
			defer func() { <-c.viewer }()
			c.views.Add(1)
			c.show(ctx, conn)
		default: // somebody else watches
		}
	}))
}

// greeted reads the viewer's packet. A wrong code is no answer, only the end.
func (c *camera) greeted(conn net.Conn) bool {
	packet := make([]byte, cameraGreets)
	if conn.SetReadDeadline(time.Now().Add(handshakeTimeout)) != nil {
		return false
	}
	if _, err := io.ReadFull(conn, packet); err != nil {
		return false
	}
	return readGreeting(packet, c.code())
}

// readGreeting checks a packet of 80 bytes: numbers of 32 bits 0x40, 0x3000, 0, 0
// in little-endian order, then user and code, each padded with zeros to 32 bytes.
func readGreeting(packet []byte, code grove.Secret) bool {
	user, password := unpadded(packet[16:48]), unpadded(packet[48:80])
	return binary.LittleEndian.Uint32(packet) == 0x40 && binary.LittleEndian.Uint32(packet[4:]) == 0x3000 &&
		user == lanUser && sameCode(password, code)
}

// unpadded is what stands before the padding.
func unpadded(field []byte) string { return string(bytes.TrimRight(field, "\x00")) }

// show sends frames until the viewer leaves.
func (c *camera) show(ctx context.Context, conn net.Conn) {
	ctx, stop := untilGone(ctx, conn)
	defer stop()
	for {
		if c.faults().Silent {
			if !pause(ctx, cameraPeriod) {
				return
			}
			continue
		}
		frame, err := c.frame()
		if err != nil {
			c.log.Error("no picture", slog.Any("error", err))
			return
		}
		if conn.SetWriteDeadline(time.Now().Add(faceWrites)) != nil {
			return
		}
		if _, err := conn.Write(frame); err != nil || !pause(ctx, cameraPeriod) {
			return
		}
	}
}

// untilGone is ctx until the other side, which has nothing more to say, is gone.
// stop hangs up and waits.
func untilGone(ctx context.Context, conn net.Conn) (watched context.Context, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		defer cancel()
		if conn.SetReadDeadline(time.Time{}) == nil {
			_, _ = io.Copy(io.Discard, conn)
		}
	})
	return ctx, func() {
		_ = conn.Close()
		watching.Wait()
	}
}

// frame is one picture behind its 16 bytes: length, 0, 1, 0.
func (c *camera) frame() ([]byte, error) {
	picture, err := c.picture()
	if err != nil {
		return nil, err
	}
	faults := c.faults()
	if faults.Garbage {
		picture = make([]byte, cameraGarbage)
		_, _ = rand.Read(picture)
	}
	length := len(picture)
	if faults.HugeFrame {
		length = math.MaxUint32
	}
	return append(u32(binary.LittleEndian, length, 0, 1, 0), picture...), nil
}
