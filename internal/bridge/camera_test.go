package bridge

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
)

var jpegBytes = []byte("\xFF\xD8 a picture \xFF\xD9")

// framed is a picture as the camera of a P1 sends it, with a length of its own.
func framed(length uint32, picture []byte) []byte {
	head := make([]byte, pictureHead)
	binary.LittleEndian.PutUint32(head, length)
	head[8] = 1
	return append(head, picture...)
}

func TestAPictureIsReadWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	good := framed(uint32(len(jpegBytes)), jpegBytes)
	in := io.MultiReader(bytes.NewReader(good[:20]), bytes.NewReader(good[20:]), bytes.NewReader(good))
	for range 2 {
		if picture, err := readPicture(in); err != nil || !bytes.Equal(picture, jpegBytes) {
			t.Errorf("picture %q %v", picture, err)
		}
	}
	for name, c := range map[string]struct {
		sent []byte
		says string
	}{
		"4 GB":            {framed(math.MaxUint32, jpegBytes), "4294967295 bytes"},
		"a little more":   {framed(maxPicture+1, jpegBytes), "10485761 bytes"},
		"nothing":         {framed(0, jpegBytes), "no JPEG"},
		"noise":           {framed(4, []byte("noise")), "no JPEG"},
		"a beginning":     {framed(4, []byte("\xFF\xD8\xFF\xD8")), "no JPEG"},
		"half a picture":  {framed(100, jpegBytes), "broke"},
		"half a head":     {good[:7], "broke"},
		"nothing at all":  {nil, "broke"},
		"most of 10 MB":   {framed(maxPicture, make([]byte, 1000)), "broke"},
		"only the ending": {framed(2, []byte("\xFF\xD9")), "no JPEG"},
	} {
		if _, err := readPicture(bytes.NewReader(c.sent)); err == nil || !strings.Contains(troubleOf(err).Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheGreetingIsAsPrintersReadIt(t *testing.T) {
	t.Parallel()
	want := "\x40\x00\x00\x00\x00\x30\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" + "bblp" + strings.Repeat("\x00", 28) + "12345678" + strings.Repeat("\x00", 24)
	if got, err := greeting(testCode); err != nil || string(got) != want {
		t.Errorf("greeting %q %v", got, err)
	}
	if _, err := greeting(grove.Secret(strings.Repeat("1", 33))); err == nil {
		t.Error("a code that does not fit was cut")
	}
}

func TestFFmpegIsToldWhereToLookAndNothingElse(t *testing.T) {
	t.Parallel()
	for code, want := range map[grove.Secret]string{
		testCode:        "rtsp://bblp:12345678@127.0.0.1:5/streaming/live/1",
		"'\nfile '/etc": "rtsp://bblp:%27%0Afile%20%27%2Fetc@127.0.0.1:5/streaming/live/1",
	} {
		lines := strings.Split(recipe("127.0.0.1:5", code), "\n")
		if len(lines) != 5 || lines[1] != "file '"+want+"'" {
			t.Errorf("%q becomes %q", code, lines)
		}
	}
}

func TestPicturesOfFFmpegAreReadByTheirLength(t *testing.T) {
	t.Parallel()
	const head = "--ffmpeg\r\nContent-type: image/jpeg\r\nContent-length: "
	in := bufio.NewReader(strings.NewReader(head + "15\r\n\r\n" + string(jpegBytes) + "\r\n" + head + "15\r\n\r\n" + string(jpegBytes) + "\r\n"))
	for range 2 {
		if picture, err := readPart(in); err != nil || !bytes.Equal(picture, jpegBytes) {
			t.Errorf("picture %q %v", picture, err)
		}
	}
	if _, err := readPart(in); !errors.Is(err, io.EOF) {
		t.Errorf("after the last: %v", err)
	}
	for _, bad := range []string{head + "-1\r\n\r\n", head + "99999999\r\n\r\n", head + "15\r\nmore\r\n\r\n" + string(jpegBytes), head + "4\r\n\r\nGIF8"} {
		if picture, err := readPart(bufio.NewReader(strings.NewReader(bad))); err == nil {
			t.Errorf("%q gives %q", bad, picture)
		}
	}
}

func TestOfWhatAPrinterSaysOnlyRTSPPasses(t *testing.T) {
	t.Parallel()
	ok := "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nv=0"
	packet := "$\x00\x00\x05media"
	unknown := "RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Basic\r\n\r\n"
	for name, c := range map[string]struct{ says, passes, why string }{
		"all of it":       {unknown + ok + packet + ok, unknown + ok + packet + ok, "broke"},
		"a redirection":   {ok + "RTSP/1.0 302 Found\r\nLocation: rtsp://192.168.1.1/\r\n\r\n", ok, "answers 302"},
		"not there":       {"RTSP/1.0 404 Not Found\r\n\r\n", "", "LAN liveview"},
		"an unknown ask":  {"RTSP/1.0 501 Not Implemented\r\n\r\n" + ok, "RTSP/1.0 501 Not Implemented\r\n\r\n" + ok, "broke"},
		"a wrong code":    {unknown + unknown, unknown, "refuses the access code"},
		"HTTP":            {"HTTP/1.1 200 OK\r\n\r\n", "", "no RTSP"},
		"a long body":     {"RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n", "", "no RTSP"},
		"a negative body": {"RTSP/1.0 200 OK\r\ncontent-length : -1\r\n\r\n", "", "no RTSP"},
		"an endless line": {"RTSP/1.0 200 " + strings.Repeat("x", 2*rtspHead), "", "no RTSP"},
		"endless lines":   {"RTSP/1.0 200 OK\r\n" + strings.Repeat("x: y\r\n", rtspHead), "", "no RTSP"},
		"no header":       {"RTSP/1.0 200 OK\r\nhello\r\n\r\n", "", "no RTSP"},
		"half a packet":   {"$\x00\x00\x05med", "", "broke"},
	} {
		var passed bytes.Buffer
		err := troubleOf(pass(&passed, bufio.NewReaderSize(strings.NewReader(c.says), rtspHead), func() error { return nil }))
		if passed.String() != c.passes || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: passes %q, %v", name, passed.String(), err)
		}
	}
}

// What ends a video is told of who ended it: ffmpeg that gives up hangs up on the
// relay before it is seen to have ended.
func TestWhatTheReaderOfAVideoDoesIsNoErrorOfThePrinters(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ends  func(cancel context.CancelFunc, local, printer net.Conn)
		fails bool
	}{
		"the reader hangs up":  {func(_ context.CancelFunc, local, _ net.Conn) { _ = local.Close() }, false},
		"the printer hangs up": {func(_ context.CancelFunc, _, printer net.Conn) { _ = printer.Close() }, true},
		"nobody watches":       {func(cancel context.CancelFunc, _, _ net.Conn) { cancel() }, false},
		"the reader is reset": {func(_ context.CancelFunc, local, _ net.Conn) {
			_ = local.(*net.TCPConn).SetLinger(0)
			_ = local.Close()
		}, false},
		"the reader takes no more": {func(_ context.CancelFunc, local, printer net.Conn) {
			_ = local.(*net.TCPConn).SetLinger(0)
			_ = local.Close()
			for { // until it is seen
				if _, err := printer.Write([]byte("$\x00\x00\x05media")); err != nil {
					return
				}
			}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			front, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			near, far := net.Pipe()
			relayed := make(chan error, 1)
			go func() { relayed <- relay(ctx, front, near, time.Minute) }()
			local, err := new(net.Dialer).DialContext(ctx, "tcp", front.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer local.Close()
			if _, err := local.Write([]byte("DESCRIBE")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(far, make([]byte, len("DESCRIBE"))); err != nil {
				t.Fatal(err)
			}
			c.ends(cancel, local, far)
			if err := <-relayed; (err != nil) != c.fails {
				t.Errorf("told %v", err)
			}
		})
	}
}

func FuzzPicture(f *testing.F) {
	f.Add(framed(uint32(len(jpegBytes)), jpegBytes))
	f.Add(framed(math.MaxUint32, nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sent []byte) {
		picture, err := readPicture(bytes.NewReader(sent))
		if err != nil {
			return
		}
		if len(picture) > maxPicture || len(picture) > len(sent)-pictureHead || !bytes.HasPrefix(picture, []byte{0xFF, 0xD8}) {
			t.Errorf("a picture of %d bytes out of %d", len(picture), len(sent))
		}
	})
}

func FuzzRelay(f *testing.F) {
	f.Add([]byte("RTSP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nv=0$\x00\x00\x05media"))
	f.Add([]byte("RTSP/1.0 302 Found\r\n\r\n"))
	f.Fuzz(func(t *testing.T, says []byte) {
		var passed bytes.Buffer
		if pass(&passed, bufio.NewReaderSize(bytes.NewReader(says), rtspHead), func() error { return nil }) == nil {
			t.Error("it has no end")
		}
		if !bytes.HasPrefix(says, passed.Bytes()) {
			t.Errorf("%q passes as %q", says, passed.Bytes())
		}
	})
}
