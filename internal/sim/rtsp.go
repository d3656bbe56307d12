package sim

import (
	"bufio"
	"context"
	"crypto/md5" //nolint:gosec // what RTSP's Digest is made of
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grovecloud/grove"
)

const (
	rtspPath   = "/streaming/live/1"
	rtspRealm  = "printer"
	rtspPeriod = time.Second / 30 // between two pictures
	rtspLine   = 4096             // bytes
	rtspLines  = 64               // of a request's head
	rtspBody   = 64 << 10         // bytes
	rtspQuiet  = 30 * time.Second
)

// video is the stream of the machines with the larger board, at
// rtsps://bblp:CODE@HOST:322/streaming/live/1 (ha-bambulab, OpenBambuAPI): RTSP
// 1.0 over TLS with packets of H.264 on the same connection. Every viewer has a
// stream of its own, and pictures are coded for those who watch alone.
type video struct {
	tls     *tls.Config
	code    func() grove.Secret
	look    func() view
	faults  func() CameraFaults
	views   *atomic.Int64 // viewers that were shown something
	guests  *guests
	stopped bool // its clock
}

func newVideo(l *lan, p *Printer) *video {
	return &video{tls: l.tls(), code: p.accessCode, look: p.view, faults: func() CameraFaults { return p.Faults().Camera }, guests: &l.guests, views: &l.views, stopped: p.m.looks.stoppedClock}
}

// rtspURL is what reports say of the video. A port that was left open is reported
// as the usual one, so that a recorded run says the same.
func rtspURL(l *LAN) string {
	if l == nil {
		return "disable"
	}
	at := (grove.LAN{RTSPS: l.RTSPS}).Complete()
	return "rtsps://" + net.JoinHostPort(l.Addr, strconv.Itoa(at.RTSPS)) + rtspPath
}

// serve ends with ctx.
func (v *video) serve(ctx context.Context, l net.Listener) error {
	return serveEach(ctx, l, v.guests.few(func(ctx context.Context, raw net.Conn) {
		if conn, err := shake(ctx, raw, v.tls); err == nil && !v.faults().Off {
			v.talk(ctx, conn)
		}
	}))
}

// rtspSession is one viewer's connection.
type rtspSession struct {
	*video
	nonce, id string
	stream    *rtpStream // nil: not set up

	mu   sync.Mutex // guards writes
	conn net.Conn

	playing sync.WaitGroup
	plays   bool
}

// talk answers a viewer's requests until it leaves.
func (v *video) talk(ctx context.Context, conn net.Conn) {
	s := &rtspSession{video: v, conn: conn, nonce: rand.Text(), id: rand.Text()}
	ctx, cancel := context.WithCancel(ctx)
	defer s.playing.Wait()
	defer cancel()
	in := bufio.NewReaderSize(conn, rtspLine)
	for {
		var deadline time.Time
		if !s.plays { // who watches may be quiet: one that is gone takes no pictures
			deadline = time.Now().Add(rtspQuiet)
		}
		if conn.SetReadDeadline(deadline) != nil {
			return
		}
		r, err := readRTSP(in)
		if err != nil || s.answer(ctx, r) != nil {
			return
		}
	}
}

// rtspRequest is one request; header names are in lower case.
type rtspRequest struct {
	method, target string
	header         map[string]string
}

var errRTSP = errors.New("no RTSP request")

// readRTSP reads the next request and drops reports of reception that come before it.
func readRTSP(in *bufio.Reader) (rtspRequest, error) {
	for {
		head, err := in.Peek(1)
		if err != nil {
			return rtspRequest{}, err
		}
		if head[0] != '$' {
			return readRTSPHead(in)
		}
		mark := make([]byte, 4)
		if _, err := io.ReadFull(in, mark); err != nil {
			return rtspRequest{}, err
		}
		if _, err := in.Discard(int(binary.BigEndian.Uint16(mark[2:]))); err != nil {
			return rtspRequest{}, err
		}
	}
}

func readRTSPHead(in *bufio.Reader) (rtspRequest, error) {
	r := rtspRequest{header: map[string]string{}}
	for i := range rtspLines {
		raw, err := in.ReadSlice('\n')
		if err != nil {
			return r, err
		}
		line := strings.TrimRight(string(raw), "\r\n")
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' }) {
			return r, errRTSP
		}
		if i == 0 {
			parts := strings.Split(line, " ")
			if len(parts) != 3 || parts[2] != "RTSP/1.0" || parts[0] == "" {
				return r, errRTSP
			}
			r.method, r.target = parts[0], parts[1]
			continue
		}
		if line == "" {
			return r, r.skipBody(in)
		}
		name, value, found := strings.Cut(line, ":")
		if !found {
			return r, errRTSP
		}
		r.header[strings.ToLower(name)] = strings.TrimSpace(value)
	}
	return r, errRTSP
}

func (r rtspRequest) skipBody(in *bufio.Reader) error {
	length := r.header["content-length"]
	if length == "" {
		return nil
	}
	n, err := strconv.ParseUint(length, 10, 31)
	if err != nil || n > rtspBody {
		return errRTSP
	}
	_, err = in.Discard(int(n))
	return err
}

// answer carries out a request. An error ends the connection.
func (s *rtspSession) answer(ctx context.Context, r rtspRequest) error {
	target, err := url.Parse(r.target)
	switch {
	case r.method == "OPTIONS":
		return s.reply(r, "200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER")
	case !s.allowed(r):
		return s.reply(r, "401 Unauthorized", fmt.Sprintf("WWW-Authenticate: Digest realm=%q, nonce=%q", rtspRealm, s.nonce))
	case err != nil || strings.TrimRight(strings.TrimSuffix(target.Path, "/track1"), "/") != rtspPath:
		return s.reply(r, "404 Not Found")
	}
	switch r.method {
	case "DESCRIBE":
		return s.describe(r)
	case "SETUP":
		return s.setUp(r)
	case "PLAY":
		return s.play(ctx, r)
	case "GET_PARAMETER":
		return s.reply(r, "200 OK", "Session: "+s.id)
	case "TEARDOWN":
		return errors.Join(s.reply(r, "200 OK"), io.EOF)
	}
	return s.reply(r, "501 Not Implemented")
}

func (s *rtspSession) reply(r rtspRequest, status string, lines ...string) error {
	return s.write(r.head(status, lines...))
}

// head is the head of an answer.
func (r rtspRequest) head(status string, lines ...string) string {
	return "RTSP/1.0 " + status + "\r\nCSeq: " + r.header["cseq"] + "\r\n" + strings.Join(append(lines, "", ""), "\r\n")
}

func (s *rtspSession) write(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.conn.SetWriteDeadline(time.Now().Add(faceWrites)); err != nil {
		return err
	}
	_, err := io.WriteString(s.conn, text)
	return err
}

// allowed checks the user bblp and the access code, by Digest (RFC 2069).
func (s *rtspSession) allowed(r rtspRequest) bool {
	scheme, rest, _ := strings.Cut(r.header["authorization"], " ")
	if !strings.EqualFold(scheme, "digest") {
		return false
	}
	given, code := digestFields(rest), s.code()
	return code != "" && given["username"] == lanUser && given["nonce"] == s.nonce && given["uri"] == r.target &&
		sameCode(given["response"], grove.Secret(digest(code, s.nonce, r.method, r.target)))
}

// digest is how a client that knows the access code answers a nonce.
func digest(code grove.Secret, nonce, method, target string) string {
	return hexMD5(hexMD5(lanUser+":"+rtspRealm+":"+string(code)) + ":" + nonce + ":" + hexMD5(method+":"+target))
}

func hexMD5(s string) string {
	return fmt.Sprintf("%x", md5.Sum([]byte(s))) //nolint:gosec // see the import
}

// digestFields are the members of a Digest header: name="value", …
func digestFields(header string) map[string]string {
	fields := map[string]string{}
	for {
		name, rest, found := strings.Cut(header, "=")
		if !found {
			return fields
		}
		value, after, _ := strings.Cut(rest, ",")
		if quoted, isQuoted := strings.CutPrefix(rest, `"`); isQuoted {
			value, after, _ = strings.Cut(quoted, `"`)
			after = strings.TrimLeft(after, ", ")
		}
		fields[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
		header = after
	}
}

func (s *rtspSession) describe(r rtspRequest) error {
	all, picture := parameters()
	sdp := strings.Join([]string{
		"v=0", "o=- 0 0 IN IP4 0.0.0.0", "s=live", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*",
		fmt.Sprintf("m=video 0 RTP/AVP %d", rtpH264), fmt.Sprintf("a=rtpmap:%d H264/%d", rtpH264, rtpClock),
		fmt.Sprintf("a=fmtp:%d packetization-mode=1;profile-level-id=%X;sprop-parameter-sets=%s,%s", rtpH264, all[1:4],
			base64.StdEncoding.EncodeToString(all), base64.StdEncoding.EncodeToString(picture)),
		fmt.Sprintf("a=framerate:%d", time.Second/rtspPeriod), "a=control:track1", "",
	}, "\r\n")
	return s.write(r.head("200 OK", "Content-Base: "+strings.TrimRight(r.target, "/")+"/", "Content-Type: application/sdp",
		"Content-Length: "+strconv.Itoa(len(sdp))) + sdp)
}

// setUp takes packets on the same connection only.
func (s *rtspSession) setUp(r rtspRequest) error {
	transport := r.header["transport"]
	if !strings.HasPrefix(transport, "RTP/AVP/TCP") {
		return s.reply(r, "461 Unsupported Transport")
	}
	if s.plays {
		return s.reply(r, "455 Method Not Valid in This State")
	}
	channel := 0
	if _, after, found := strings.Cut(transport, "interleaved="); found {
		first, _, _ := strings.Cut(after, "-")
		n, err := strconv.ParseUint(first, 10, 8)
		if err != nil || n == 255 {
			return s.reply(r, "400 Bad Request")
		}
		channel = int(n)
	}
	var random [6]byte
	_, _ = rand.Read(random[:])
	s.stream = &rtpStream{
		channel: byte(channel), source: binary.BigEndian.Uint32(random[:]), sequence: binary.BigEndian.Uint16(random[4:]), began: time.Now(),
	}
	return s.reply(r, "200 OK", fmt.Sprintf("Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d", channel, channel+1), "Session: "+s.id+";timeout=60")
}

func (s *rtspSession) play(ctx context.Context, r rtspRequest) error {
	if s.stream == nil {
		return s.reply(r, "455 Method Not Valid in This State")
	}
	if err := s.reply(r, "200 OK", "Session: "+s.id, "Range: npt=0.000-"); err != nil || s.plays {
		return err
	}
	s.plays = true
	s.views.Add(1)
	s.playing.Go(func() {
		// A viewer who takes no pictures is gone: its connection ends.
		defer func() { _ = s.conn.Close() }()
		for s.send() == nil && pause(ctx, rtspPeriod) {
		}
	})
	return nil
}

// send sends one picture, and how to read it before one that stands alone.
func (s *rtspSession) send() error {
	if s.faults().Silent {
		return nil
	}
	unit, alone := s.stream.coder.next(s.look())
	units := [][]byte{unit}
	if alone {
		all, picture := parameters()
		if s.faults().HugeFrame {
			all = sequence(hugeAcross, hugeDown, 0)
		}
		units = [][]byte{all, picture, unit}
	}
	now := time.Now()
	if s.stopped {
		now = s.stream.began
	}
	return s.write(string(s.stream.packets(now, units...)))
}
