package bridge

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// The bounds of RTSP, as a printer may speak it.
const (
	rtspHead = 16 << 10 // bytes of a head
	rtspBody = 64 << 10
)

// relay takes the first who comes to front, which is ffmpeg or somebody who does not
// know the access code, and lets it speak with the printer. It ends with ctx, or with
// either side: an error is the printer's doing. From the printer nothing passes that is
// no RTSP, and no redirection: ffmpeg would follow it anywhere.
func relay(ctx context.Context, front net.Listener, printer net.Conn, patience time.Duration) error {
	defer context.AfterFunc(ctx, func() { _ = front.Close(); _ = printer.Close() })()
	local, err := front.Accept()
	_ = front.Close()
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = local.Close() })()
	var asked error
	asking := make(chan struct{})
	go func() {
		_, asked = io.Copy(printer, near{local})
		close(asking)
		_ = printer.Close()
	}()
	err = pass(near{local}, bufio.NewReaderSize(printer, rtspHead), func() error {
		return printer.SetReadDeadline(time.Now().Add(patience))
	})
	select {
	case <-asking: // ended first, and hung up on the printer
		err = asked
	default:
	}
	_, _ = local.Close(), printer.Close()
	<-asking
	if ctx.Err() != nil || errors.Is(err, errLeft) {
		return nil
	}
	return err
}

// near is ffmpeg's side of a relay. That it goes is no error of the printer's.
type near struct{ net.Conn }

var errLeft = errors.New("ffmpeg left")

func (n near) Read(p []byte) (int, error) {
	count, err := n.Conn.Read(p)
	if err != nil {
		err = io.EOF
	}
	return count, err
}

func (n near) Write(p []byte) (int, error) {
	count, err := n.Conn.Write(p)
	if err != nil {
		err = errLeft
	}
	return count, err
}

// pass passes on what the printer says. wait comes before each part of it.
func pass(to io.Writer, in *bufio.Reader, wait func() error) error {
	for refused := 0; ; {
		if err := wait(); err != nil {
			return err
		}
		part, status, err := readRTSP(in)
		if err != nil {
			return err
		}
		switch {
		case status == 401:
			if refused++; refused > 1 { // the first asks for the code
				return &trouble{reasonRefused, "the printer's camera refuses the access code", "read it again on the printer's screen, where LAN mode is set", nil}
			}
		case status/100 == 3 || status == 403 || status == 404: // others are ffmpeg's: printers do not know all it asks
			return &trouble{reasonHungUp, "the printer's camera answers " + strconv.Itoa(status), "look whether LAN liveview is on at the printer's screen; it is tried again by itself", nil}
		}
		if _, err := to.Write(part); err != nil {
			return err
		}
	}
}

var errRTSP = &trouble{reasonHungUp, "what answers at the printer's camera is no RTSP", "check its port", nil}

// readRTSP reads a packet of media ('$', channel, length of 16 bits, RFC 2326 §10.12),
// or an answer with its status. The part is as it came.
func readRTSP(in *bufio.Reader) (part []byte, status int, err error) {
	mark, err := in.Peek(4)
	if err != nil {
		return nil, 0, err
	}
	if mark[0] == '$' {
		part = make([]byte, 4+int(binary.BigEndian.Uint16(mark[2:])))
		_, err = io.ReadFull(in, part)
		return part, 0, err
	}
	length := 0
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) || len(part)+len(line) > rtspHead {
			return nil, 0, errRTSP
		}
		if err != nil {
			return nil, 0, err
		}
		part = append(part, line...)
		text := strings.TrimRight(string(line), "\r\n")
		name, value, found := strings.Cut(text, ":")
		switch {
		case first:
			if status, err = statusOf(text); err != nil {
				return nil, 0, err
			}
		case text == "":
			return withBody(in, part, length, status)
		case !found:
			return nil, 0, errRTSP
		case strings.EqualFold(strings.TrimSpace(name), "Content-Length"):
			n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
			if err != nil || n > rtspBody {
				return nil, 0, errRTSP
			}
			length = int(n)
		}
	}
}

func statusOf(line string) (int, error) {
	rest, isRTSP := strings.CutPrefix(line, "RTSP/1.0 ")
	digits, _, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseUint(digits, 10, 16)
	if !isRTSP || err != nil || n < 100 || n > 599 {
		return 0, errRTSP
	}
	return int(n), nil
}

func withBody(in io.Reader, head []byte, length, status int) ([]byte, int, error) {
	part := bytes.NewBuffer(head)
	_, err := io.CopyN(part, in, int64(length))
	return part.Bytes(), status, err
}
