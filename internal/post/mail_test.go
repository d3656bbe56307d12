package post

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/access"
)

// postOffice is a mail server that takes everything, unless it is told to refuse.
type postOffice struct {
	net.Listener

	taken  chan string
	mu     sync.Mutex
	refuse int // so many letters yet
}

func openOffice(t *testing.T, refuse int, secure ...*tls.Config) *postOffice {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range secure {
		l = tls.NewListener(l, c)
	}
	o := &postOffice{Listener: l, taken: make(chan string, 8), refuse: refuse}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { o.serve(c) })
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return o
}

func (o *postOffice) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewScanner(c)
	say := func(s string) { fmt.Fprintf(c, "%s\r\n", s) }
	say("220 office")
	for in.Scan() {
		switch verb, _, _ := strings.Cut(strings.ToUpper(in.Text()), " "); verb {
		case "EHLO":
			say("250-office\r\n250-8BITMIME\r\n250 AUTH PLAIN")
		case "AUTH":
			say("235 welcome")
		case "DATA":
			say("354 go on")
			o.letter(in, say)
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (o *postOffice) letter(in *bufio.Scanner, say func(string)) {
	var text strings.Builder
	for in.Scan() && in.Text() != "." {
		text.WriteString(in.Text() + "\n")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refuse > 0 {
		o.refuse--
		say("451 come again")
		return
	}
	say("250 taken")
	o.taken <- text.String()
}

// sending runs mail until the test ends.
func sending(t *testing.T, url string, log io.Writer) *Mail {
	t.Helper()
	m, err := NewMail(MailConfig{URL: url, From: "Grove <grove@example.org>", Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return m
}

func letter() access.Letter {
	return access.Letter{To: "ann@example.org", Subject: "Your sign-in code", Text: "The code is 123456.\n", Until: time.Now().Add(10 * time.Minute)}
}

func TestALetterIsMailed(t *testing.T) {
	t.Parallel()
	office := openOffice(t, 0)
	m := sending(t, "smtp://grove:hunter2@"+office.Addr().String(), t.Output())
	if err := m.Mail(letter()); err != nil {
		t.Fatal(err)
	}
	got := <-office.taken
	for _, want := range []string{"Subject: Your sign-in code", "To: <ann@example.org>", "grove@example.org", "The code is 123456.", "Auto-Submitted: auto-generated", "Message-ID: <"} {
		if !strings.Contains(got, want) {
			t.Errorf("the letter has no %q:\n%s", want, got)
		}
	}
}

func TestALetterThatIsTriedTellsWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	office := openOffice(t, 1)
	m := sending(t, "smtp://grove:hunter2@"+office.Addr().String(), t.Output())
	err := m.Try(t.Context(), letter())
	if !errors.Is(err, grove.Unavailable) || !grove.HasReason(err, "mail_refused") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("refused: %v", err)
	}
	if err := m.Try(t.Context(), letter()); err != nil {
		t.Errorf("taken: %v", err)
	}
	if got := <-office.taken; !strings.Contains(got, "The code is 123456.") {
		t.Errorf("the letter:\n%s", got)
	}
}

func TestALetterIsMailedOverTLSFromTheFirstByte(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil) // for its certificate
	web.Close()
	office := openOffice(t, 0, web.TLS)
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	url := "smtps://grove:hunter2@" + office.Addr().String()
	for _, trusted := range []*tls.Config{nil, {RootCAs: roots, MinVersion: tls.VersionTLS12}} {
		m, err := NewMail(MailConfig{URL: url, From: "grove@example.org", TLS: trusted})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.send(t.Context(), letter()); (err == nil) != (trusted != nil) {
			t.Errorf("trusting %v: %v", trusted, err)
		}
	}
	if got := <-office.taken; !strings.Contains(got, "123456") {
		t.Errorf("got %s", got)
	}
}

func TestALetterThatWasRefusedIsTriedAgain(t *testing.T) {
	t.Parallel()
	office := openOffice(t, 1)
	m := sending(t, "smtp://"+office.Addr().String(), t.Output())
	if err := m.Mail(letter()); err != nil {
		t.Fatal(err)
	}
	if got := <-office.taken; !strings.Contains(got, "123456") {
		t.Errorf("got %s", got)
	}
}

func TestTheQueueHasAnEnd(t *testing.T) {
	t.Parallel()
	m, err := NewMail(MailConfig{URL: "smtp://mail.example.org", From: "grove@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	for range maxWaiting {
		if err := m.Mail(letter()); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Mail(letter()); grove.AsError(err).Code != grove.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestUnfitMailServersAreRefusedWithoutTheirPassword(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ url, from string }{
		{"http://u:hunter2@mail.example.org", "a@example.org"},
		{"smtp://u:hunter2@", "a@example.org"},
		{"smtp://u:hunter2@mail.example.org:0", "a@example.org"},
		{"smtp://u:hunter2@mail.example.org:99999", "a@example.org"},
		{"smtp://u:hunter2@mail.example.org/path", "a@example.org"},
		{"smtp://u:hunter2@%zz", "a@example.org"},
		{"smtp://u:hunter2@mail.example.org", ""},
		{"smtp://u:hunter2@mail.example.org", "nobody"},
	} {
		_, err := NewMail(MailConfig{URL: c.url, From: c.from})
		if grove.AsError(err).Code != grove.Invalid || strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("%s: %v", c.url, err)
		}
	}
}

func TestAPasswordGoesToNoServerWithoutTLS(t *testing.T) {
	t.Parallel()
	m, err := NewMail(MailConfig{URL: "smtp://grove:hunter2@mail.example.org", From: "grove@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	office := openOffice(t, 0)
	near, err := NewMail(MailConfig{URL: "smtp://" + office.Addr().String(), From: "grove@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	// The far server's rules, at an address that offers no TLS.
	m.options = append(m.options, near.options[0])
	m.host = "127.0.0.1"
	if err := m.send(t.Context(), letter()); err == nil || len(office.taken) > 0 {
		t.Errorf("sent in clear: %v", err)
	}
}
