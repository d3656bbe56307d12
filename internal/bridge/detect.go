package bridge

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strconv"

	"github.com/grovecloud/grove"
)

// closerLook is how many glances somebody is given who is there: simulated printers
// make their keys when they are first asked, twenty of them at the same time.
const closerLook = 10

// nameOf is the common name in the certificate of whoever speaks TLS at an address.
func (b *Bridge) nameOf(ctx context.Context, host string, port int) (string, bool) {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Find.Glance)
	defer cancel()
	raw, err := b.dial(ctx, host, port)
	if err != nil {
		return "", false
	}
	defer func() { _ = raw.Close() }()
	ctx, enough := context.WithTimeout(context.WithoutCancel(ctx), closerLook*b.cfg.Find.Glance) // it is there, and slow
	defer enough()
	var leaf *x509.Certificate
	if _, err := b.shake(ctx, raw, unknown("", &leaf)); err != nil {
		return "", false
	}
	return leaf.Subject.CommonName, true
}

// detect asks a printer who it is, on the plain port and else on that with TLS:
// models have one or the other (BambuStudio).
func (b *Bridge) detect(ctx context.Context, host string) (grove.FoundPrinter, bool) {
	ctx, cancel := context.WithTimeout(ctx, 3*b.cfg.Find.Glance)
	defer cancel()
	for _, port := range []int{b.cfg.Find.Detect, b.cfg.Find.DetectTLS} {
		conn, err := b.dial(ctx, host, port)
		if err != nil {
			continue
		}
		said, err := b.askWho(ctx, conn, port == b.cfg.Find.DetectTLS)
		_ = conn.Close()
		if err == nil {
			said.Host, said.Found = host, "detect"
			return said, true
		}
	}
	return grove.FoundPrinter{}, false
}

func (b *Bridge) askWho(ctx context.Context, conn net.Conn, secure bool) (grove.FoundPrinter, error) {
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(end); err != nil {
			return grove.FoundPrinter{}, err
		}
	}
	if secure {
		var leaf *x509.Certificate
		var err error
		if conn, err = b.shake(ctx, conn, unknown("", &leaf)); err != nil {
			return grove.FoundPrinter{}, err
		}
	}
	if _, err := conn.Write(frame([]byte(`{"login":{"command":"detect","sequence_id":"20000"}}`))); err != nil {
		return grove.FoundPrinter{}, err
	}
	body, err := readFrame(conn)
	if err != nil {
		return grove.FoundPrinter{}, err
	}
	return parseDetect(body)
}

// The frame around what is said on the bind ports: two marks, the whole length in
// two bytes, little end first, the JSON, two marks (OpenBambuAPI, bambuddy).
const (
	frameHead = "\xa5\xa5"
	frameTail = "\xa7\xa7"
	frameRest = len(frameHead) + 2 + len(frameTail)
	maxFrame  = 4 << 10
)

func frame(body []byte) []byte {
	out := []byte(frameHead)
	out = binary.LittleEndian.AppendUint16(out, uint16(len(body)+frameRest)) //nolint:gosec // a question of 50 bytes
	return append(append(out, body...), frameTail...)
}

var errFrame = errors.New("no answer of a printer")

func readFrame(r io.Reader) ([]byte, error) {
	head := make([]byte, len(frameHead)+2)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	n := int(binary.LittleEndian.Uint16(head[len(frameHead):]))
	if string(head[:len(frameHead)]) != frameHead || n < frameRest || n > maxFrame {
		return nil, errFrame
	}
	rest := make([]byte, n-len(head))
	if _, err := io.ReadFull(r, rest); err != nil {
		return nil, err
	}
	body, tail := rest[:len(rest)-len(frameTail)], rest[len(rest)-len(frameTail):]
	if string(tail) != frameTail {
		return nil, errFrame
	}
	return body, nil
}

// parseDetect reads what a printer says of itself.
func parseDetect(body []byte) (grove.FoundPrinter, error) {
	var said struct {
		Login struct {
			ID, Name, Model, Version, Connect, Bind string
		}
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return grove.FoundPrinter{}, err
	}
	l := said.Login
	if !foundSerial.MatchString(l.ID) {
		return grove.FoundPrinter{}, errFrame
	}
	return grove.FoundPrinter{
		Serial: l.ID, Name: plainText(l.Name, maxWords), Model: plainText(l.Model, maxWords), Firmware: plainText(l.Version, maxWords),
		Connect: plainText(l.Connect, maxWords), Bind: plainText(l.Bind, maxWords),
	}, nil
}

// maxWords bounds, in bytes, what is believed of a printer's words.
const maxWords = 64

// at is host and port as one.
func at(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
