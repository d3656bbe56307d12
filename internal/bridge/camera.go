package bridge

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/grovecloud/grove"
)

// Reasons why a printer is not seen, beside those of its connection.
const (
	ReasonLiveviewOff = "liveview_off" // NotFound: switched off at the printer
	ReasonNoFFmpeg    = "no_ffmpeg"    // NotFound: what decodes its video is not installed
	reasonBadPicture  = "bad_picture"
	reasonHungUp      = "camera_hung_up"
)

const (
	maxPicture   = 10 << 20 // bytes
	pictureHead  = 16
	firstPicture = 64 << 10         // bytes that are taken on before they come
	darkness     = 15 * time.Second // how long a camera may send nothing: some send a picture each 2 s
)

// lens is a printer's camera.
type lens struct {
	bridge *Bridge
	lan    grove.LAN
	code   grove.Secret
}

func (b *Bridge) lens(l *line) lens {
	l.mu.Lock()
	defer l.mu.Unlock()
	return lens{b, l.lan, l.code}
}

// Sight is nil, or why the printer can't be seen: NotFound.
func (l lens) Sight() error {
	switch l.bridge.cfg.Places.Sight(l.lan.Serial) {
	case grove.SightOff:
		return grove.Errorf(grove.NotFound, ReasonLiveviewOff,
			"printer %s says that its camera is not shown on the network; switch LAN liveview on at its screen, in the settings beside LAN Only mode", l.lan.Serial)
	case grove.SightVideo:
		if _, err := l.decoder(); err != nil {
			return &grove.Error{
				Code: grove.NotFound, Reason: ReasonNoFFmpeg, Err: err,
				Message: "the camera of printer " + l.lan.Serial + " sends video, and ffmpeg, which makes pictures of it, is not installed where the server runs; " +
					"install it, version 5 or newer, so that it is in the server's PATH",
			}
		}
	case grove.SightPictures:
	}
	return nil
}

// Watch reads the camera until ctx ends or it fails: Unavailable.
func (l lens) Watch(ctx context.Context, show func(jpeg []byte)) error {
	read := l.readPictures
	if l.bridge.cfg.Places.Sight(l.lan.Serial) == grove.SightVideo {
		read = l.readVideo
	}
	err := troubleOf(read(ctx, show)).told()
	err.Code = grove.Unavailable // whoever asks can't help it
	return err
}

// knock makes a TLS connection to a port of a printer, and gives the key of who
// answered. A key that is not the printer's own puts it into quarantine, before
// anything was sent.
func (b *Bridge) knock(ctx context.Context, lan grove.LAN, port int) (conn *tls.Conn, pin string, err error) {
	raw, err := b.to(lan)(ctx, at(lan.Host, port))
	if err != nil {
		return nil, "", err
	}
	conn, err = b.shake(ctx, raw, b.trust(lan).TLS(func(p string) { pin = p }))
	if grove.HasReason(err, ReasonStranger) {
		err = errors.Join(err, b.cfg.Places.Stranger(ctx, lan, pin))
	}
	return conn, pin, err
}

// readPictures reads the camera of a P1 or A1: one packet with the access code, then
// a JPEG after another, each behind 16 bytes (OpenBambuAPI).
func (l lens) readPictures(ctx context.Context, show func([]byte)) error {
	conn, _, err := l.bridge.knock(ctx, l.lan, l.lan.Camera)
	if err != nil {
		return err
	}
	defer func() { _ = conn.NetConn().Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.NetConn().Close() })()
	hello, err := greeting(l.code)
	if err != nil {
		return err
	}
	if err := conn.SetDeadline(time.Now().Add(l.bridge.cfg.Patience)); err != nil {
		return troubleOf(err)
	}
	if _, err := conn.Write(hello); err != nil {
		return unlit(err)
	}
	for n := 0; ; n++ {
		if err := conn.SetDeadline(time.Now().Add(l.bridge.cfg.darkness)); err != nil {
			return troubleOf(err)
		}
		picture, err := readPicture(conn)
		if err != nil && n == 0 && errors.Is(err, io.EOF) {
			return &trouble{
				reasonHungUp, "the printer's camera hung up",
				"it refuses the access code, LAN liveview is off at its screen, or somebody else watches, since it bears one viewer; let others watch through this server", err,
			}
		}
		if err != nil {
			return unlit(err)
		}
		show(picture)
	}
}

// greeting is the packet with which a viewer begins: numbers of 32 bits 0x40,
// 0x3000, 0, 0 in little-endian order, then user and code, each in 32 bytes
// (OpenBambuAPI).
func greeting(code grove.Secret) ([]byte, error) {
	const field = 32
	if len(code) > field {
		return nil, &trouble{reasonRefused, "the access code is longer than any printer's", "give the present one, which stands on the printer's screen", nil}
	}
	b := make([]byte, 16+2*field)
	binary.LittleEndian.PutUint32(b, 0x40)
	binary.LittleEndian.PutUint32(b[4:], 0x3000)
	copy(b[16:], lanUser)
	copy(b[16+field:], code)
	return b, nil
}

// readPicture reads one picture behind its head, of which the first four bytes are
// the length.
func readPicture(r io.Reader) ([]byte, error) {
	var head [pictureHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	return readJPEG(r, int64(binary.LittleEndian.Uint32(head[:])))
}

// readJPEG reads so many bytes, which must be a picture. Memory grows with what
// comes, not with what was promised.
func readJPEG(r io.Reader, length int64) ([]byte, error) {
	if length > maxPicture {
		return nil, badPicture(fmt.Sprintf("a picture of %d bytes, and %d are allowed", length, maxPicture))
	}
	var b bytes.Buffer
	b.Grow(int(min(length, firstPicture)))
	if _, err := io.CopyN(&b, r, length); err != nil {
		return nil, fmt.Errorf("in the middle of a picture: %w", err)
	}
	picture := b.Bytes()
	if !bytes.HasPrefix(picture, []byte{0xFF, 0xD8}) || !bytes.HasSuffix(picture, []byte{0xFF, 0xD9}) {
		return nil, badPicture("something that is no JPEG")
	}
	return picture, nil
}

func badPicture(what string) error {
	return &trouble{reasonBadPicture, "the printer's camera sends " + what, "restart the printer; its camera is tried again by itself", nil}
}

// unlit explains why pictures ended.
func unlit(err error) error {
	if stalled(err) {
		return &trouble{reasonStalled, "the printer's camera sends nothing", "look whether the camera works at the printer's screen; it is tried again by itself", err}
	}
	return troubleOf(err)
}
