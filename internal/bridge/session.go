package bridge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jlaffaye/ftp"

	"github.com/grovecloud/grove"
)

// maxReplies bounds what a printer may say on the control connection of one session.
const maxReplies = 256 << 10

// errTooMuch: a printer sent more than it was allowed to.
var errTooMuch = errors.New("the printer sends more than it may")

// session is one FTPS session, from login to QUIT. It ends with its context.
// Its connections are used by one goroutine.
type session struct {
	ftp     *ftp.ServerConn
	line    *textproto.Conn // the same control connection, for what the library does not say
	control *meter
	read    *atomic.Int64 // how much data may still be read
}

// connect opens a session: TLS before anything is said, then login, then the
// protection of data connections (OpenBambuAPI). Of the address that the printer
// gives for data only the port is used.
func (d *Drive) connect(ctx context.Context) (*session, error) {
	d.mu.Lock()
	bare := d.bare
	d.mu.Unlock()
	s, err := d.begin(ctx, bare)
	if err != nil {
		return nil, d.explain(ctx, "connect to", err)
	}
	if err := s.login(d.Code, bare); err != nil {
		s.close()
		return nil, d.explain(ctx, "sign in to", err)
	}
	return s, nil
}

func (d *Drive) begin(ctx context.Context, bare bool) (*session, error) {
	s := &session{read: new(atomic.Int64)}
	pin := ""
	secure := d.Trust.TLS(func(p string) { pin = p }) // one for the session: data connections must resume the control connection
	raw := func(address string) (net.Conn, error) {
		c, err := d.Dial(ctx, address)
		if err == nil {
			context.AfterFunc(ctx, func() { _ = c.Close() })
		}
		return c, err
	}
	address := at(d.LAN.Host, d.LAN.FTPS)
	plain, err := raw(address)
	if err != nil {
		return nil, err
	}
	control := tls.Client(plain, secure)
	if err := control.HandshakeContext(ctx); err != nil {
		_ = plain.Close()
		if grove.HasReason(err, ReasonStranger) {
			d.Stranger(pin)
		}
		return nil, err
	}
	said := new(atomic.Int64)
	said.Store(maxReplies)
	s.control = &meter{Conn: control, patience: d.Patience, left: said}
	first := true
	s.ftp, err = ftp.Dial(address, ftp.DialWithDisabledEPSV(true), ftp.DialWithDisabledMLSD(true),
		ftp.DialWithDialFunc(func(_, address string) (net.Conn, error) {
			if first {
				first = false
				return s.control, nil
			}
			c, err := raw(address)
			if err != nil {
				return nil, err
			}
			if !bare {
				c = tls.Client(c, secure) // shakes hands at the first byte: printers begin after they replied
			}
			return &meter{Conn: c, patience: d.Stall, left: s.read}, nil
		}))
	if err != nil {
		_ = plain.Close()
		return nil, err
	}
	s.line = textproto.NewConn(s.control)
	return s, nil
}

func (s *session) login(code grove.Secret, bare bool) error {
	if strings.ContainsAny(string(code), "\r\n") {
		return &textproto.Error{Code: ftp.StatusNotLoggedIn, Msg: "no printer has such an access code"}
	}
	reply, words, err := s.ask("USER bblp")
	if err == nil && reply == ftp.StatusUserOK {
		reply, words, err = s.ask("PASS " + string(code))
	}
	if err != nil {
		return err
	}
	if reply != ftp.StatusLoggedIn {
		return &textproto.Error{Code: reply, Msg: words}
	}
	protection := "PROT P"
	if bare {
		protection = "PROT C"
	}
	for _, command := range []string{"PBSZ 0", protection} {
		reply, words, err := s.ask(command)
		if err != nil {
			return err
		}
		if reply != ftp.StatusCommandOK {
			return &textproto.Error{Code: reply, Msg: words}
		}
	}
	return s.ftp.Type(ftp.TransferTypeBinary)
}

// ask sends a command and gives the reply, whatever it is.
func (s *session) ask(command string) (code int, words string, err error) {
	if _, err := s.line.Cmd("%s", command); err != nil {
		return 0, "", err
	}
	code, words, err = s.line.ReadResponse(-1)
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		return reply.Code, reply.Msg, nil
	}
	return code, words, err
}

// free is how much room there is, where the printer tells.
func (s *session) free() (n int64, known bool) {
	code, words, err := s.ask("AVBL")
	if err != nil || code != ftp.StatusFile {
		return 0, false
	}
	n, err = strconv.ParseInt(strings.TrimSpace(words), 10, 64)
	return n, err == nil && n >= 0
}

// allow lets so many bytes of data be read.
func (s *session) allow(n int64) { s.read.Store(n) }

// goodbye is how long a printer may take to end a session.
const goodbye = 2 * time.Second

// close ends the session and waits for the printer to say so: the next one must not
// come while it still has this one.
func (s *session) close() {
	if s.control.patience = goodbye; !s.control.broken {
		_, _, _ = s.ask("QUIT")
	}
	_ = s.line.Close()
}

// meter is a connection that may stand still only so long and be read only so far.
type meter struct {
	net.Conn
	patience time.Duration
	left     *atomic.Int64
	broken   bool
}

// Read reads on.
func (m *meter) Read(p []byte) (int, error) {
	if m.left.Load() <= 0 {
		return 0, errTooMuch
	}
	if err := m.SetReadDeadline(time.Now().Add(m.patience)); err != nil {
		return 0, err
	}
	n, err := m.Conn.Read(p[:min(int64(len(p)), m.left.Load())])
	m.left.Add(int64(-n))
	m.broken = err != nil
	return n, err
}

// Write writes on.
func (m *meter) Write(p []byte) (int, error) {
	if err := m.SetWriteDeadline(time.Now().Add(m.patience)); err != nil {
		return 0, err
	}
	n, err := m.Conn.Write(p)
	m.broken = err != nil
	return n, err
}

// Close says good-bye as TLS does, except to who does not listen: that takes seconds.
func (m *meter) Close() error {
	if secure, ok := m.Conn.(*tls.Conn); ok && m.broken {
		return secure.NetConn().Close()
	}
	return m.Conn.Close()
}

// Handshake is for empty files, which write nothing.
func (m *meter) Handshake() error {
	secure, ok := m.Conn.(*tls.Conn)
	if !ok {
		return nil
	}
	ctx, end := context.WithTimeout(context.Background(), m.patience)
	defer end()
	return secure.HandshakeContext(ctx)
}

// stalled reports whether something took longer than it may.
func stalled(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// explain says what happened, why and what to do.
func (d *Drive) explain(ctx context.Context, act string, err error) error {
	if own, ok := errors.AsType[*grove.Error](context.Cause(ctx)); ok {
		return own
	}
	if t, ok := errors.AsType[*trouble](err); ok {
		e := t.told()
		if t.reason == reasonUnreachable {
			e.Code = grove.Unavailable // may be over soon
		}
		return e
	}
	if own, ok := errors.AsType[*grove.Error](err); ok {
		return own // of the trust, or of the file's own store
	}
	serial := d.LAN.Serial
	fault := &grove.Error{Code: grove.Unavailable, Reason: ReasonStorageAway, Err: fmt.Errorf("%s printer %s: %w", act, serial, err)}
	reply, answered := errors.AsType[*textproto.Error](err)
	switch {
	case errors.Is(err, errTooMuch):
		return tooLong(serial)
	case !answered:
		fault.Message = fmt.Sprintf("could not %s printer %s: its file service on port %d did not answer, or the connection broke; check its network, then try again", act, serial, d.LAN.FTPS)
	case reply.Code == ftp.StatusCanNotOpenDataConnection || reply.Code == ftp.StatusNotAvailable || reply.Code == ftp.StatusFileActionIgnored:
		fault.Code, fault.Reason = grove.Conflict, grove.ReasonStorageBusy
		fault.Message = "the storage of printer " + serial + " is busy with another transfer; try again later"
	case reply.Code == ftp.StatusNotLoggedIn:
		fault.Code, fault.Reason = grove.Conflict, reasonRefused
		fault.Message = "printer " + serial + " refuses the access code; read the present one at its screen and give it again"
	case reply.Code == ftp.StatusExceededStorage || reply.Code == ftp.StatusBadFileName:
		fault.Code, fault.Reason = grove.Conflict, ReasonStorageFull
		fault.Message = "the storage of printer " + serial + " is full or missing, or has no folder " + folder + " and lets none be made; put in a card or stick that was formatted at the printer, or delete files there"
	case reply.Code == ftp.StatusFileUnavailable:
		fault.Code, fault.Reason = grove.NotFound, ReasonNoEntry
		fault.Message = "there is no such file or folder on the storage of printer " + serial + ", or no card or stick in it"
	default:
		fault.Message = fmt.Sprintf("could not %s printer %s: it answered %d %.80q; try again", act, serial, reply.Code, reply.Msg)
	}
	return fault
}
