package post

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"time"

	mail "github.com/wneessen/go-mail"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/access"
)

const (
	maxWaiting = 256             // letters in the queue
	mailTries  = 3               // of one letter
	mailPause  = 5 * time.Second // between them
)

// MailConfig says through which server letters go.
type MailConfig struct {
	URL     string        // smtp://user:password@host:587, or smtps:// for TLS from the first byte
	From    string        // the sender's address
	Timeout time.Duration // of one try; 20 s when 0
	TLS     *tls.Config   // nil: the system's roots
	Log     *slog.Logger
}

// Mail sends letters, one after another, over SMTP.
type Mail struct {
	cfg     MailConfig
	host    string
	options []mail.Option
	// tlsFirst: TLS comes before the first word of SMTP.
	tlsFirst bool
	queue    chan access.Letter
}

// NewMail reads the configuration and connects to nothing. Its errors never show
// the URL, which has a password in it.
func NewMail(cfg MailConfig) (*Mail, error) {
	m := &Mail{cfg: cfg, queue: make(chan access.Letter, maxWaiting)}
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") || (u.Path != "" && u.Path != "/") {
		return nil, grove.Errorf(grove.Invalid, "bad_smtp", "--smtp must look like smtp://user:password@mail.example.org:587, or smtps:// where TLS comes first")
	}
	if err := mail.NewMsg().From(cfg.From); err != nil {
		return nil, grove.Errorf(grove.Invalid, "bad_mail_from", "--mail-from is %q; give the address that letters come from, like grove@example.org", cfg.From)
	}
	m.host = u.Hostname()
	port, err := mailPort(u)
	if err != nil {
		return nil, err
	}
	timeout := cmp.Or(cfg.Timeout, 20*time.Second)
	m.options = []mail.Option{mail.WithPort(port), mail.WithTimeout(timeout), mail.WithTLSConfig(m.tls())}
	auth := mail.SMTPAuthAutoDiscover
	switch {
	case u.Scheme == "smtps":
		m.tlsFirst = true
		m.options = append(m.options, mail.WithSSL())
		auth = mail.SMTPAuthPlainNoEnc // it is encrypted, which the library does not see, see line
	case u.Query().Get("tls") == "none": // the operator says that the way is safe
		m.options = append(m.options, mail.WithTLSPolicy(mail.NoTLS))
		auth = mail.SMTPAuthPlainNoEnc
	case loopback(m.host):
		m.options = append(m.options, mail.WithTLSPolicy(mail.TLSOpportunistic))
		auth = mail.SMTPAuthPlainNoEnc
	default:
		m.options = append(m.options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if name := u.User.Username(); name != "" {
		password, _ := u.User.Password()
		m.options = append(m.options, mail.WithSMTPAuth(auth), mail.WithUsername(name), mail.WithPassword(password))
	}
	return m, nil
}

func (m *Mail) tls() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if m.cfg.TLS != nil {
		c = m.cfg.TLS.Clone()
	}
	c.ServerName = m.host
	return c
}

func mailPort(u *url.URL) (int, error) {
	if u.Port() == "" && u.Scheme == "smtps" {
		return 465, nil
	}
	if u.Port() == "" {
		return 587, nil
	}
	n, err := strconv.Atoi(u.Port())
	if err != nil || n < 1 || n > 65535 {
		return 0, grove.Errorf(grove.Invalid, "bad_smtp", "the port in --smtp must be a number from 1 to 65535")
	}
	return n, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Mail puts a letter into the queue.
func (m *Mail) Mail(l access.Letter) error {
	select {
	case m.queue <- l:
		return nil
	default:
		return &grove.Error{
			Code: grove.Unavailable, Reason: "mail_queue_full", RetryAfter: time.Minute,
			Message: "so many letters wait for the mail server that no more are taken; try again in a minute",
		}
	}
}

// Run sends letters until ctx ends. What is in the queue then is lost: a code can
// be asked for again.
func (m *Mail) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case l := <-m.queue:
			if err := m.deliver(ctx, l); err != nil && ctx.Err() == nil {
				m.cfg.Log.Error("letter not sent", slog.String("subject", l.Subject), slog.String("mail_server", m.host), slog.Any("error", err))
			}
		}
	}
}

// Try sends a letter now, once, and says why when the mail server does not take it.
func (m *Mail) Try(ctx context.Context, l access.Letter) error {
	err := m.send(ctx, l)
	if err == nil {
		return nil
	}
	return &grove.Error{
		Code: grove.Unavailable, Reason: "mail_refused", Err: err,
		Message: fmt.Sprintf("the mail server %s did not take the letter: %v; look at --smtp and --mail-from", m.host, err),
	}
}

// deliver tries a letter a few times, as long as it is of use.
func (m *Mail) deliver(ctx context.Context, l access.Letter) error {
	for try := 1; ; try++ {
		err := m.send(ctx, l)
		if err == nil || try == mailTries || time.Until(l.Until) < mailPause {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(mailPause):
		}
	}
}

func (m *Mail) send(ctx context.Context, l access.Letter) error {
	msg := mail.NewMsg()
	if err := msg.From(m.cfg.From); err != nil {
		return fmt.Errorf("write sender: %w", err)
	}
	if err := msg.To(l.To); err != nil {
		return fmt.Errorf("write receiver: %w", err)
	}
	msg.Subject(l.Subject)
	msg.SetDate()
	msg.SetMessageID()
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(mail.TypeTextPlain, l.Text)
	dial, hangUp := m.line(ctx)
	defer hangUp()
	c, err := mail.NewClient(m.host, append(slices.Clone(m.options), dial)...)
	if err != nil {
		return fmt.Errorf("set up mail: %w", err)
	}
	if err := c.DialAndSendWithContext(ctx, msg); err != nil {
		return fmt.Errorf("send letter: %w", err)
	}
	return nil
}

// line is how to connect, and what hangs up for sure: the library goes on talking
// when ctx has ended, and leaves the connection open when the server refuses TLS or
// the password.
func (m *Mail) line(ctx context.Context) (dial mail.Option, hangUp func()) {
	var conn net.Conn
	stop := func() bool { return true }
	dial = mail.WithDialContextFunc(func(dialing context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		raw, err := d.DialContext(dialing, network, address)
		if err != nil {
			return nil, err
		}
		conn = raw
		stop = context.AfterFunc(ctx, func() { _ = raw.Close() })
		if m.tlsFirst {
			return tls.Client(raw, m.tls()), nil
		}
		return raw, nil
	})
	return dial, func() {
		stop()
		if conn != nil {
			_ = conn.Close() // most often it is closed already
		}
	}
}
