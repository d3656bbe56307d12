package sim

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

const (
	ftpLine     = 1024            // longest command, in bytes
	ftpIdle     = 5 * time.Minute // then a session is dropped without a word
	ftpLogin    = time.Minute     // in which a guest must have signed in
	ftpFailures = 3               // wrong codes before the session ends
)

// FileFaults are what goes wrong with a printer's file transfers. The zero
// FileFaults are none.
type FileFaults struct {
	BytesPerSecond int64   `json:"bytes_per_second"` // how slow transfers are; 0: as fast as the network
	CutAfterBytes  int64   `json:"cut_after_bytes"`  // both connections break after so many; 0: never
	LateEndSeconds float64 `json:"late_end_seconds"` // an upload's end is confirmed so much later (an H2D takes over 30 s)
	FalseEnd       bool    `json:"false_end"`        // an upload that arrived whole is answered 426 (seen on a P2S)
	Hang           bool    `json:"hang"`             // an encrypted transfer's end is never confirmed (seen on an A1)
}

// fileManner is how a family's file server differs from the others' (quirks from
// bambuddy and ha-bambulab).
type fileManner struct {
	reuse     bool // the data connection must resume the session of the control connection
	clearData bool // data may go unencrypted
	fullNames bool // NLST gives whole paths
	noCard    int  // the answer to an upload when no storage is there
}

// ftps is a printer's file server: implicit TLS, passive mode only, one transfer
// at a time. Printers run a vsFTPd with most commands switched off (OpenBambuAPI,
// open-bambu-networking).
type ftps struct {
	storage   *storage
	manner    fileManner
	tls       func() (*tls.Config, error)
	code      func() grove.Secret
	faults    func() FileFaults
	guests    *guests
	transfers chan struct{} // held by the one transfer
}

func newFTPS(l *lan, model bambu.Model, p *Printer) *ftps {
	return &ftps{
		storage: p.storage, manner: looksOf(model).files, tls: l.shown, code: p.accessCode, faults: func() FileFaults { return p.Faults().Files },
		guests: &l.guests, transfers: make(chan struct{}, 1),
	}
}

// serve ends with ctx.
func (f *ftps) serve(ctx context.Context, l net.Listener) error {
	return serveEach(ctx, l, f.guests.few(func(ctx context.Context, raw net.Conn) {
		shown, err := f.tls()
		if err != nil {
			return
		}
		s := &ftpSession{ftps: f, secure: shown.Clone(), dir: "/"}
		// Of its own key, so that data connections resume no other session than this one.
		var key [32]byte
		_, _ = rand.Read(key[:])
		s.secure.SetSessionTicketKeys([][32]byte{key})
		s.secure.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			s.resumesByID = resumesByID(hello)
			return nil, nil
		}
		if conn, err := shake(ctx, raw, s.secure); err == nil {
			s.serve(ctx, conn)
		}
	}))
}

// ftpSession is one client's control connection. Its commands are carried out one
// after the other.
type ftpSession struct {
	*ftps
	secure *tls.Config

	resumesByID bool // the client

	control  net.Conn
	user     string
	known    bool // signed in
	failures int
	private  bool // PROT P
	dir      string
	passive  net.Listener // nil: no PASV since the last transfer
}

// resumesByID reports whether a client would resume by session ID and not by
// ticket, as curl does. Printers can serve that and Go's TLS cannot, so that such
// clients need not resume here. OpenSSL also offers encrypt_then_mac; one who
// offers neither, such as a Go program without a session cache, never resumes.
func resumesByID(hello *tls.ClientHelloInfo) bool {
	const encryptThenMAC, sessionTicket = 22, 35 // RFC 7366, RFC 5077
	return slices.Contains(hello.Extensions, encryptThenMAC) && !slices.Contains(hello.Extensions, sessionTicket)
}

// errHangUp ends a session.
var errHangUp = errors.New("the session is over")

// serve answers commands until the client leaves, says nothing for too long, or
// loses its connection.
func (s *ftpSession) serve(ctx context.Context, control net.Conn) {
	s.control = control
	defer s.forgetPassive()
	if s.reply(220, "(vsFTPd 3.0.5)") != nil {
		return
	}
	in := bufio.NewReaderSize(control, ftpLine)
	unknownUntil := time.Now().Add(ftpLogin)
	for {
		deadline := time.Now().Add(ftpIdle)
		if !s.known {
			deadline = unknownUntil
		}
		if control.SetReadDeadline(deadline) != nil {
			return
		}
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			_ = s.reply(500, "Input line too long.")
		}
		if err != nil {
			return
		}
		if s.obey(ctx, string(line)) != nil {
			return
		}
	}
}

// reply sends one answer. It errs only when the client is gone.
func (s *ftpSession) reply(code int, text string) error {
	return s.send(fmt.Sprintf("%d %s\r\n", code, text))
}

func (s *ftpSession) send(text string) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(faceWrites)); err != nil {
		return err
	}
	_, err := s.control.Write([]byte(text))
	return err
}

// parseFTP splits a command line. What is no command gives an empty verb.
func parseFTP(line string) (verb, argument string) {
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7F }) {
		return "", ""
	}
	verb, argument, _ = strings.Cut(line, " ")
	if len(verb) < 3 || len(verb) > 4 || strings.ContainsFunc(verb, func(r rune) bool { return r|0x20 < 'a' || r|0x20 > 'z' }) {
		return "", ""
	}
	return strings.ToUpper(verb), argument
}

// ftpCommand carries out one command and replies; an error ends the session.
type ftpCommand func(s *ftpSession, ctx context.Context, argument string) error

// says is a command with one answer.
func says(code int, text string) ftpCommand {
	return func(s *ftpSession, _ context.Context, _ string) error { return s.reply(code, text) }
}

// ftpOpen are the commands for everybody, ftpKnown those for who signed in.
var (
	ftpOpen = map[string]ftpCommand{
		"USER": (*ftpSession).setUser, "PASS": (*ftpSession).signIn,
		"QUIT": func(s *ftpSession, _ context.Context, _ string) error {
			return errors.Join(s.reply(221, "Goodbye."), errHangUp)
		},
		"FEAT": func(s *ftpSession, _ context.Context, _ string) error {
			return s.send("211-Features:\r\n EPSV\r\n PASV\r\n PBSZ\r\n PROT\r\n SIZE\r\n UTF8\r\n211 End\r\n")
		},
		"OPTS": func(s *ftpSession, _ context.Context, what string) error {
			if strings.EqualFold(what, "UTF8 ON") {
				return s.reply(200, "Always in UTF8 mode.")
			}
			return s.reply(501, "Option not understood.")
		},
		"PBSZ": says(200, "PBSZ set to 0."),
		"PROT": (*ftpSession).protect,
	}
	ftpKnown = map[string]ftpCommand{
		"TYPE": func(s *ftpSession, _ context.Context, kind string) error {
			switch strings.ToUpper(kind) {
			case "I", "L8", "L 8":
				return s.reply(200, "Switching to Binary mode.")
			case "A", "A N":
				return s.reply(200, "Switching to ASCII mode.")
			}
			return s.reply(504, "Unknown type.")
		},
		"NOOP": says(200, "NOOP ok."), "SYST": says(215, "UNIX Type: L8"),
		"PASV": (*ftpSession).openPassive, "EPSV": (*ftpSession).openExtended,
		"LIST": (*ftpSession).list, "NLST": (*ftpSession).names,
		"STOR": (*ftpSession).store, "RETR": (*ftpSession).retrieve,
		"DELE": (*ftpSession).remove, "SIZE": (*ftpSession).size, "MKD": (*ftpSession).makeFolder, "AVBL": (*ftpSession).available,
		"CWD":  (*ftpSession).enter,
		"CDUP": func(s *ftpSession, ctx context.Context, _ string) error { return s.enter(ctx, "..") },
		"PWD": func(s *ftpSession, _ context.Context, _ string) error {
			return s.reply(257, `"`+strings.ReplaceAll(s.dir, `"`, `""`)+`" is the current directory`)
		},
		// Known to the server and switched off on printers.
		"PORT": says(550, "Permission denied."), "EPRT": says(550, "Permission denied."),
		"MLSD": says(550, "Permission denied."), "MLST": says(550, "Permission denied."), "MDTM": says(550, "Permission denied."),
		"RMD": says(550, "Permission denied."), "APPE": says(550, "Permission denied."), "REST": says(550, "Permission denied."),
		"RNFR": says(550, "Permission denied."), "RNTO": says(550, "Permission denied."),
	}
)

// obey carries out one line.
func (s *ftpSession) obey(ctx context.Context, line string) error {
	verb, argument := parseFTP(line)
	if do, ok := ftpOpen[verb]; ok {
		return do(s, ctx, argument)
	}
	do, ok := ftpKnown[verb]
	switch {
	case !s.known:
		return s.reply(530, "Please login with USER and PASS.")
	case !ok:
		return s.reply(500, "Unknown command.")
	}
	return do(s, ctx, argument)
}

func (s *ftpSession) setUser(_ context.Context, name string) error {
	s.user, s.known = name, false
	return s.reply(331, "Please specify the password.")
}

// signIn takes the access code of the user bblp. After a few wrong ones the session ends.
func (s *ftpSession) signIn(_ context.Context, code string) error {
	if s.user == lanUser && sameCode(code, s.code()) {
		s.known = true
		return s.reply(230, "Login successful.")
	}
	s.user = ""
	err := s.reply(530, "Login incorrect.")
	if s.failures++; s.failures >= ftpFailures {
		return errHangUp
	}
	return err
}

func (s *ftpSession) protect(_ context.Context, level string) error {
	switch strings.ToUpper(level) {
	case "P":
		s.private = true
		return s.reply(200, "PROT now Private.")
	case "C":
		s.private = false
		return s.reply(200, "PROT now Clear.")
	}
	return s.reply(536, "PROT not supported.")
}

// path is an argument as an absolute path on the card.
func (s *ftpSession) path(argument string) string {
	if strings.HasPrefix(argument, "/") {
		return path.Clean(argument)
	}
	return path.Join(s.dir, argument)
}

func (s *ftpSession) enter(_ context.Context, argument string) error {
	to := s.path(argument)
	// Without a card there is still a root, an empty one.
	if to != "/" && !s.storage.isFolder(to) {
		return s.reply(550, "Failed to change directory.")
	}
	s.dir = to
	return s.reply(250, "Directory successfully changed.")
}

func (s *ftpSession) remove(_ context.Context, argument string) error {
	if s.storage.remove(s.path(argument)) != nil {
		return s.reply(550, "Delete operation failed.")
	}
	return s.reply(250, "Delete operation successful.")
}

func (s *ftpSession) size(_ context.Context, argument string) error {
	info, err := s.storage.stat(s.path(argument))
	if err != nil || !info.Mode().IsRegular() {
		return s.reply(550, "Could not get file size.")
	}
	return s.reply(213, strconv.FormatInt(info.Size(), 10))
}

func (s *ftpSession) makeFolder(_ context.Context, argument string) error {
	to := s.path(argument)
	if s.storage.mkdir(to) != nil {
		return s.reply(550, "Create directory operation failed.")
	}
	return s.reply(257, `"`+to+`" created`)
}

// available is AVBL, the bytes that still fit.
func (s *ftpSession) available(_ context.Context, _ string) error {
	free, err := s.storage.free()
	if err != nil {
		return s.reply(550, "No storage.")
	}
	return s.reply(213, strconv.FormatInt(free, 10))
}

// listed is a folder's content for LIST and NLST; what is not there is an empty list.
func (s *ftpSession) listed(argument string) (at string, entries []fs.FileInfo) {
	for strings.HasPrefix(argument, "-") { // options such as -a and -l
		_, argument, _ = strings.Cut(argument, " ")
	}
	at = s.path(argument)
	entries, err := s.storage.list(at)
	if err == nil && !s.storage.isFolder(at) {
		at = path.Dir(at)
	}
	return at, entries
}
