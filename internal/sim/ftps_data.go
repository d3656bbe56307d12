package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"path"
	"strconv"
	"strings"
	"time"
)

const (
	passiveFirst, passiveLast = 50000, 50100 // ports of data connections, as bambuddy's proxy expects them

	dataIdle  = time.Minute // in which a transfer must move on
	dataChunk = 32 << 10
)

// openPassive is PASV.
func (s *ftpSession) openPassive(ctx context.Context, _ string) error {
	at, err := s.listen(ctx)
	if err != nil {
		return s.reply(425, "No port is free.")
	}
	four := at.IP.To4()
	if four == nil {
		s.forgetPassive()
		return s.reply(425, "Use EPSV on IPv6.")
	}
	return s.reply(227, fmt.Sprintf("Entering Passive Mode (%d,%d,%d,%d,%d,%d).", four[0], four[1], four[2], four[3], at.Port>>8, at.Port&0xFF))
}

// openExtended is EPSV.
func (s *ftpSession) openExtended(ctx context.Context, argument string) error {
	if strings.EqualFold(argument, "ALL") {
		return s.reply(200, "EPSV ALL ok.")
	}
	at, err := s.listen(ctx)
	if err != nil {
		return s.reply(425, "No port is free.")
	}
	return s.reply(229, fmt.Sprintf("Entering Extended Passive Mode (|||%d|)", at.Port))
}

// listen opens a data port at the address of the control connection.
func (s *ftpSession) listen(ctx context.Context) (*net.TCPAddr, error) {
	s.forgetPassive()
	host, _, err := net.SplitHostPort(s.control.LocalAddr().String())
	if err != nil {
		return nil, err
	}
	const ports = passiveLast - passiveFirst + 1
	first := rand.IntN(ports) //nolint:gosec // spreads the ports of many printers at one address
	for i := range ports {
		var l net.Listener
		port := passiveFirst + (first+i)%ports
		if l, err = new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port))); err != nil {
			continue
		}
		at, ok := l.Addr().(*net.TCPAddr)
		if !ok {
			return nil, errors.Join(fmt.Errorf("%s is no TCP address", l.Addr()), l.Close())
		}
		s.passive = l
		return at, nil
	}
	return nil, err
}

// forgetPassive closes a data port that nobody uses any more.
func (s *ftpSession) forgetPassive() {
	if s.passive != nil {
		_ = s.passive.Close()
		s.passive = nil
	}
}

// accept waits for the client's data connection; others who knock are sent away.
func (s *ftpSession) accept(ctx context.Context) (net.Conn, error) {
	l := s.passive
	s.passive = nil
	defer func() { _ = l.Close() }()
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	peer, _, err := net.SplitHostPort(s.control.RemoteAddr().String())
	if err != nil {
		return nil, err
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return nil, err
		}
		if host, _, _ := net.SplitHostPort(conn.RemoteAddr().String()); host == peer {
			return conn, nil
		}
		_ = conn.Close()
	}
}

// move carries a transfer's bytes over its data connection.
type move func(ctx context.Context, data net.Conn, f FileFaults) error

// What ends a transfer before its end.
var (
	errBusy    = errors.New("another transfer is under way")
	errNoData  = errors.New("no data connection")
	errNoReuse = errors.New("the data connection resumes no session")
)

// ready says whether a transfer may begin, and otherwise tells the client why not.
func (s *ftpSession) ready() (bool, error) {
	switch {
	case s.passive == nil:
		return false, s.reply(425, "Use PASV or EPSV first.")
	case !s.private && !s.manner.clearData:
		s.forgetPassive()
		return false, s.reply(522, "Data connections must be encrypted.")
	}
	return true, nil
}

// transfer moves bytes over a new data connection and tells how it ended.
func (s *ftpSession) transfer(ctx context.Context, upload bool, m move) error {
	faults := s.faults()
	err := s.carry(ctx, faults, m)
	switch {
	case errors.Is(err, errHangUp):
		return err
	case errors.Is(err, errBusy):
		return s.reply(425, "Another transfer is under way.")
	case errors.Is(err, errNoData):
		return s.reply(425, "Failed to establish connection.")
	case errors.Is(err, errNoReuse):
		return errors.Join(s.reply(522, "SSL connection failed: session reuse required"), errHangUp)
	case errors.Is(err, errCardFull):
		return s.reply(552, "Storage is full.")
	case err != nil:
		return s.reply(426, "Failure reading or writing the data connection.")
	case faults.Hang && s.private:
		return nil // and never says so
	case upload && !pause(ctx, seconds(faults.LateEndSeconds)):
		return errHangUp
	case upload && faults.FalseEnd:
		return s.reply(426, "Failure reading network stream.")
	}
	return s.reply(226, "Transfer complete.")
}

// carry opens the data connection and moves the bytes. TLS begins on it after the
// 150, as on printers.
func (s *ftpSession) carry(ctx context.Context, f FileFaults, m move) error {
	select {
	case s.transfers <- struct{}{}:
		defer func() { <-s.transfers }()
	default:
		s.forgetPassive()
		return errBusy
	}
	raw, err := s.accept(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoData, err)
	}
	defer func() { _ = raw.Close() }()
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	if err := s.reply(150, "Ok to send data."); err != nil {
		return fmt.Errorf("%w: %w", errHangUp, err)
	}
	data, err := s.shakeData(ctx, raw)
	if err != nil {
		return err
	}
	return errors.Join(m(ctx, data, f), data.Close())
}

// shakeData secures a data connection, if the client asked for that.
func (s *ftpSession) shakeData(ctx context.Context, raw net.Conn) (net.Conn, error) {
	if !s.private {
		return raw, nil
	}
	conn, err := shake(ctx, raw, s.secure)
	if err != nil {
		return nil, err
	}
	if s.manner.reuse && !s.resumesByID && !conn.ConnectionState().DidResume {
		return nil, errNoReuse
	}
	return conn, nil
}

// store is STOR. What arrived before a transfer broke off stays.
func (s *ftpSession) store(ctx context.Context, argument string) error {
	if ok, err := s.ready(); !ok {
		return err
	}
	to, err := s.storage.create(s.path(argument))
	switch {
	case errors.Is(err, errNoCard):
		s.forgetPassive()
		return s.reply(s.manner.noCard, "No storage.")
	case err != nil:
		s.forgetPassive()
		return s.reply(553, "Could not create file.")
	}
	defer func() { _ = to.close() }()
	return s.transfer(ctx, true, func(ctx context.Context, data net.Conn, f FileFaults) error {
		// Closed at once, since whoever is told the end may print the file.
		return errors.Join(pour(ctx, to, data, data, f), to.close())
	})
}

func (s *ftpSession) retrieve(ctx context.Context, argument string) error {
	if ok, err := s.ready(); !ok {
		return err
	}
	from, err := s.storage.open(s.path(argument))
	if err != nil {
		s.forgetPassive()
		return s.reply(550, "Failed to open file.")
	}
	defer from.Close()
	return s.transfer(ctx, false, func(ctx context.Context, data net.Conn, f FileFaults) error {
		return pour(ctx, data, from, data, f)
	})
}

func (s *ftpSession) list(ctx context.Context, argument string) error {
	var b strings.Builder
	_, entries := s.listed(argument)
	for _, e := range entries {
		b.WriteString(listLine(e, time.Now()))
	}
	return s.show(ctx, b.String())
}

// names is NLST.
func (s *ftpSession) names(ctx context.Context, argument string) error {
	var b strings.Builder
	at, entries := s.listed(argument)
	for _, e := range entries {
		name := e.Name()
		if s.manner.fullNames {
			name = path.Join(at, name)
		}
		b.WriteString(name + "\r\n")
	}
	return s.show(ctx, b.String())
}

func (s *ftpSession) show(ctx context.Context, text string) error {
	if ok, err := s.ready(); !ok {
		return err
	}
	return s.transfer(ctx, false, func(ctx context.Context, data net.Conn, _ FileFaults) error {
		return pour(ctx, data, strings.NewReader(text), data, FileFaults{})
	})
}

// listLine is a line as ls -l writes it: the time of day for what is younger than
// half a year, otherwise the year, in the printer's own time zone.
func listLine(info fs.FileInfo, now time.Time) string {
	mode := "-rw-r--r--"
	if info.IsDir() {
		mode = "drwxr-xr-x"
	}
	at := info.ModTime().Local()
	when := at.Format("Jan 02 15:04")
	if age := now.Sub(at); age < 0 || age > 182*24*time.Hour {
		when = at.Format("Jan 02  2006")
	}
	return fmt.Sprintf("%s    1 0        0        %12d %s %s\r\n", mode, info.Size(), when, info.Name())
}

// pour copies with the speed and up to the break that the faults ask for. data is
// the connection among the two, which must move on all the time.
func pour(ctx context.Context, dst io.Writer, src io.Reader, data net.Conn, f FileFaults) error {
	chunk := int64(dataChunk)
	if f.BytesPerSecond > 0 {
		chunk = min(chunk, max(1, f.BytesPerSecond/10))
	}
	left := f.CutAfterBytes
	buffer := make([]byte, chunk)
	for {
		if err := data.SetDeadline(time.Now().Add(dataIdle)); err != nil {
			return err
		}
		n, err := src.Read(buffer)
		if f.CutAfterBytes > 0 {
			n = int(min(int64(n), left))
			left -= int64(n)
		}
		if _, failed := dst.Write(buffer[:n]); failed != nil {
			return failed
		}
		if f.BytesPerSecond > 0 && !pause(ctx, time.Duration(n)*time.Second/time.Duration(f.BytesPerSecond)) {
			return ctx.Err()
		}
		switch {
		case f.CutAfterBytes > 0 && left == 0:
			sever(data)
			return errHangUp
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// sever ends a connection without TLS's goodbye.
func sever(conn net.Conn) {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	_ = conn.Close()
}

// seconds is a duration from how faults write it.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
