package bridge

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/tcp"
)

// mostStreams is how many connections to printers a bridge holds at once.
const mostStreams = 8192

// visit is one connection of a bridge to the cloud, which asks over it.
type visit struct {
	*Remote

	end   context.CancelCauseFunc
	doing sync.WaitGroup

	mu     sync.Mutex
	heard  time.Time // nothing that comes now was sent before
	mark   string    // to be said back by the cloud
	marked time.Time
}

// serve does what the cloud asks for until the connection ends, or the fence.
func (v *visit) serve(ctx context.Context, conn net.Conn) error {
	ctx, v.end = context.WithCancelCause(ctx)
	defer v.end(nil)
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	face := http.NewServeMux()
	face.HandleFunc("GET "+pathPulse, v.pulse)
	face.HandleFunc("POST "+pathSearch, v.search)
	face.HandleFunc("POST "+pathEnd, v.bye)
	web := &http.Server{
		Protocols: new(http.Protocols), BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog: slog.NewLogLogger(v.cfg.Log.Handler(), slog.LevelDebug), ReadHeaderTimeout: v.cfg.Patience,
		// Many slow printers must not use up what the connection may hold unread.
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: mostStreams, MaxReceiveBufferPerStream: 128 << 10, MaxReceiveBufferPerConnection: 4<<20 - 1},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v.doing.Add(1)
			defer v.doing.Done()
			if r.Method == http.MethodConnect {
				v.connect(w, r)
				return
			}
			face.ServeHTTP(w, r)
		}),
	}
	web.Protocols.SetUnencryptedHTTP2(true)
	watched := make(chan struct{})
	go func() { defer close(watched); v.watch(ctx) }()
	only := &lone{conn: conn, gone: make(chan struct{})}
	web.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			_ = only.Close()
		}
	}
	err := web.Serve(only)
	v.end(err)
	_ = web.Close()
	<-watched
	v.doing.Wait()
	return context.Cause(ctx)
}

// lone is a listener to which one comes.
type lone struct {
	conn net.Conn
	once sync.Once
	gone chan struct{}
	shut sync.Once
}

// errLone is the end of a lone listener.
var errLone = errors.New("the cloud ended the connection")

// Accept gives the one, and then waits for its end.
func (l *lone) Accept() (net.Conn, error) {
	var c net.Conn
	if l.once.Do(func() { c = l.conn }); c != nil {
		return c, nil
	}
	<-l.gone
	return nil, errLone
}

// Close lets nobody come.
func (l *lone) Close() error {
	l.shut.Do(func() { close(l.gone) })
	return nil
}

// Addr is that of the one.
func (l *lone) Addr() net.Addr { return l.conn.LocalAddr() }

// deaf reports whether what comes now could be old.
func (v *visit) deaf() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return age(v.heard) > v.cfg.Fence.Deaf
}

// watch ends the visit, and with it all connections to printers, when the cloud has
// proved nothing for too long.
func (v *visit) watch(ctx context.Context) {
	tick := time.NewTicker(v.cfg.Fence.Deaf / 20)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if v.deaf() {
			v.end(errDeaf)
			return
		}
	}
}

// pulse: who says our mark back heard us after it was made, so whatever comes behind
// was sent after that.
func (v *visit) pulse(w http.ResponseWriter, r *http.Request) {
	if v.deaf() {
		v.end(errDeaf)
		return
	}
	v.mu.Lock()
	first := v.mark == ""
	if r.Header.Get(headPulse) == v.mark {
		if !first {
			v.heard = v.marked
		}
		v.mark, v.marked = rand.Text(), time.Now()
	}
	w.Header().Set(headPulse, v.mark)
	v.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
	if first && v.cfg.Up != nil {
		v.cfg.Up()
	}
}

// bye is why the cloud ends the connection for good.
func (v *visit) bye(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusNoContent)
	if why := wayOut[r.Header.Get(headReason)]; why != nil {
		v.end(why)
	}
}

// search looks for printers here.
func (v *visit) search(w http.ResponseWriter, r *http.Request) {
	var s grove.LANSearch
	if err := json.NewDecoder(io.LimitReader(r.Body, maxTrouble)).Decode(&s); err != nil {
		refuseWith(w, &trouble{reasonLost, "the search can't be read", "update the bridge to the cloud's version", err})
		return
	}
	found, err := v.finder.Search(r.Context(), s)
	if err != nil {
		refuseWith(w, troubleOf(err))
		return
	}
	reply(w, http.StatusOK, found)
}

func refuseWith(w http.ResponseWriter, t *trouble) {
	reply(w, http.StatusBadGateway, told{t.reason, t.found, t.advice})
}

func reply(w http.ResponseWriter, status int, what any) {
	body, err := json.Marshal(what)
	if err != nil {
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // who does not read it, does not want it
}

// connect holds a connection to a printer for the cloud.
func (v *visit) connect(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), v.cfg.Patience)
	defer cancel()
	conn, err := v.premises.dial(ctx, r.Host)
	if err != nil {
		v.cfg.Log.Debug("not connected", slog.String("to", r.Host), slog.Any("error", err))
		refuseWith(w, troubleOf(err))
		return
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(r.Context(), func() { _ = conn.Close() })()
	if err := tcp.GiveUp(conn, maxAge); err != nil {
		v.cfg.Log.Warn("commands may reach a printer late", slog.String("to", r.Host), slog.Any("error", err))
	}
	w.Header().Set(headAddress, conn.RemoteAddr().String())
	w.WriteHeader(http.StatusOK)
	answer := http.NewResponseController(w)
	if answer.Flush() != nil {
		return
	}
	told := make(chan struct{})
	go func() {
		defer close(told)
		if v.forward(conn, r.Body) != nil {
			tcp.Cut(conn) // a start must not arrive later
			return
		}
		_ = conn.SetReadDeadline(time.Now().Add(lull)) // it may say the rest
		_ = closeWrite(conn)
	}()
	_, _ = io.Copy(flushing{w, answer}, conn)
	_ = conn.Close()
	_ = r.Body.Close()
	<-told
}

// forward gives a printer what the cloud says, unless that may be old.
func (v *visit) forward(printer net.Conn, said io.Reader) error {
	buf := make([]byte, 16<<10)
	for {
		n, err := said.Read(buf)
		if n > 0 {
			if v.deaf() {
				return errDeaf
			}
			if err := printer.SetWriteDeadline(time.Now().Add(maxStill)); err != nil {
				return err
			}
			if _, err := printer.Write(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// maxStill is how long a printer may take nothing: an upload may stand still for a
// minute, see [DriveConfig].
const maxStill = time.Minute

// flushing sends each piece at once.
type flushing struct {
	io.Writer

	answer *http.ResponseController
}

// Write sends a piece.
func (f flushing) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	if err == nil {
		err = f.answer.Flush()
	}
	return n, err
}
