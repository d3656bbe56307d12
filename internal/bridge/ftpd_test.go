package bridge

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grovecloud/grove"
)

const serial = "01P00A000000001"

// ftpd is the file service of a printer that can be as bad as a test wants: TLS
// from the first byte, 1.2 alone, data connections that must resume the control
// connection and shake hands after the 150 reply.
type ftpd struct {
	t      testing.TB
	l      net.Listener
	secure *tls.Config
	pin    string
	work   sync.WaitGroup

	mu      sync.Mutex
	files   map[string][]byte
	folders map[string]bool
	said    []string
	open    int
	most    int // sessions at once, ever

	code    string
	free    string                                      // the reply to AVBL
	listing func(io.Writer)                             // instead of the true one
	stor    func(path string, data io.Reader) string    // takes an upload and gives the last reply; "" says nothing more
	reply   func(command, argument string) (say string) // a reply instead of the true one; "" the true one
}

func newFTPD(t testing.TB) *ftpd {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cert := newAuthority(t).printer(t, serial)
	f := &ftpd{
		t: t, l: l, code: "12345678", free: "500 what?", files: map[string][]byte{}, pin: PinOf(cert.Leaf),
		folders: map[string]bool{"/": true, "/cache": true, "/timelapse": true},
		secure:  &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12},
	}
	f.stor = f.take
	f.work.Go(f.serve)
	t.Cleanup(func() { _ = l.Close(); f.work.Wait() })
	return f
}

// drive is one to this printer.
func (f *ftpd) drive(change ...func(*DriveConfig)) *Drive {
	port := f.l.Addr().(*net.TCPAddr).Port
	c := DriveConfig{
		LAN: grove.LAN{Serial: serial, Host: "127.0.0.1", FTPS: port}, Code: "12345678", Trust: Trust{Serial: serial, Pin: f.pin},
		Log: slog.New(slog.DiscardHandler), Again: time.Millisecond, Stranger: func(string) {},
		Dial: func(ctx context.Context, address string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", address)
		},
	}
	for _, do := range change {
		do(&c)
	}
	return NewDrive(c)
}

func (f *ftpd) file(path string) ([]byte, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, ok := f.files[path]
	return b, ok
}

func (f *ftpd) names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.files))
}

func (f *ftpd) commands() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.said)
}

// take keeps an upload, also by half.
func (f *ftpd) take(path string, data io.Reader) string {
	all, err := io.ReadAll(data)
	f.keep(path, all)
	if err != nil {
		return "426 Failure reading network stream."
	}
	return "226 Transfer complete."
}

func (f *ftpd) keep(path string, content []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files[path] = content
}

func (f *ftpd) serve() {
	for {
		c, err := f.l.Accept()
		if err != nil {
			return
		}
		f.work.Go(func() {
			defer c.Close()
			f.mu.Lock()
			f.open++
			f.most = max(f.most, f.open)
			f.mu.Unlock()
			s := &ftpSession{ftpd: f, c: tls.Server(c, f.secure), at: "/"}
			s.run()
			s.leave.Do(s.left)
		})
	}
}

type ftpSession struct {
	*ftpd
	c     net.Conn
	at    string
	in    bool
	clear bool
	data  net.Listener
	leave sync.Once
}

func (s *ftpSession) left() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}

func (s *ftpSession) say(line string) { _, _ = io.WriteString(s.c, line+"\r\n") }

func (s *ftpSession) run() {
	defer func() {
		if s.data != nil {
			_ = s.data.Close()
		}
	}()
	s.say("220 (vsFTPd 3.0.5)")
	lines := bufio.NewScanner(s.c)
	for lines.Scan() {
		command, argument, _ := strings.Cut(lines.Text(), " ")
		s.mu.Lock()
		s.said = append(s.said, lines.Text())
		other := s.reply
		s.mu.Unlock()
		if other != nil {
			if line := other(command, argument); line != "" {
				s.say(line)
				continue
			}
		}
		if command == "QUIT" {
			s.leave.Do(s.left)
			s.say("221 Goodbye.")
			return
		}
		if answer := s.do(command, argument); answer != "" {
			s.say(answer)
		}
	}
}

func (s *ftpSession) do(command, argument string) string {
	if !s.in && command != "USER" && command != "PASS" {
		return "530 Please login with USER and PASS."
	}
	switch command {
	case "USER":
		return "331 Please specify the password."
	case "PASS":
		if argument != s.code {
			return "530 Login incorrect."
		}
		s.in = true
		return "230 Login successful."
	case "PBSZ", "TYPE":
		return "200 ok"
	case "PROT":
		s.clear = argument == "C"
		return "200 ok"
	case "AVBL":
		return s.free
	case "PASV":
		return s.pasv()
	case "CWD", "MKD", "DELE", "SIZE":
		return s.path(command, argument)
	case "LIST", "RETR", "STOR":
		return s.transfer(command, argument)
	}
	return "500 Unknown command."
}

// pasv names a host that is not ours, as printers behind a translation do.
func (s *ftpSession) pasv() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "425 no port"
	}
	if s.data != nil {
		_ = s.data.Close()
	}
	s.data = l
	port := l.Addr().(*net.TCPAddr).Port
	return fmt.Sprintf("227 Entering Passive Mode (192,0,2,1,%d,%d).", port/256, port%256)
}

func (s *ftpSession) path(command, p string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	content, exists := s.files[p]
	switch command {
	case "CWD":
		if !s.folders[p] {
			return "550 Failed to change directory."
		}
		s.at = p
		return "250 Directory successfully changed."
	case "MKD":
		s.folders[p] = true
		return "257 made"
	case "DELE":
		if !exists {
			return "550 Delete operation failed."
		}
		delete(s.files, p)
		return "250 Delete operation successful."
	}
	if !exists {
		return "550 Could not get file size."
	}
	return fmt.Sprint("213 ", len(content))
}

func (s *ftpSession) transfer(command, p string) string {
	s.mu.Lock()
	content, exists := s.files[p]
	home := s.folders[p[:max(strings.LastIndex(p, "/"), 0)]] || strings.LastIndex(p, "/") == 0
	s.mu.Unlock()
	if command == "RETR" && !exists {
		return "550 Failed to open file."
	}
	if command == "STOR" && !home {
		return "553 Could not create file."
	}
	c, err := s.data.Accept()
	if err != nil {
		return "425 Failed to establish connection."
	}
	defer c.Close()
	s.say("150 Ok to send data.")
	if !s.clear {
		secure := tls.Server(c, s.secure)
		if err := secure.Handshake(); err != nil || !secure.ConnectionState().DidResume {
			return "522 SSL connection failed: session reuse required"
		}
		c = secure
	}
	switch command {
	case "STOR":
		s.mu.Lock()
		stor := s.stor
		s.mu.Unlock()
		return stor(p, c)
	case "LIST":
		s.list(c)
	default:
		_, _ = c.Write(content)
	}
	_ = c.Close()
	return "226 Transfer complete."
}

func (s *ftpSession) list(w io.Writer) {
	if s.listing != nil {
		s.listing(w)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var b bytes.Buffer
	under := strings.TrimSuffix(s.at, "/") + "/"
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		if rest, ok := strings.CutPrefix(name, under); ok && !strings.Contains(rest, "/") {
			fmt.Fprintf(&b, "-rwx------    1 0        0        %8d Oct 21 2020 %s\r\n", len(s.files[name]), rest)
		}
	}
	for name := range s.folders {
		if rest, ok := strings.CutPrefix(name, under); ok && rest != "" && !strings.Contains(rest, "/") {
			fmt.Fprintf(&b, "drwx------    2 0        0            4096 Oct 21 12:34 %s\r\n", rest)
		}
	}
	_, _ = b.WriteTo(w)
}
