// Package resttest puts both HTTP faces together with the real rules on a real
// store, for tests.
package resttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/blob"
	"github.com/grovecloud/grove/internal/feed"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/internal/limit"
	"github.com/grovecloud/grove/internal/post"
	"github.com/grovecloud/grove/internal/queue"
	"github.com/grovecloud/grove/internal/rest"
	"github.com/grovecloud/grove/internal/rest/cloud"
	"github.com/grovecloud/grove/internal/rest/own"
	"github.com/grovecloud/grove/internal/store"
	"github.com/grovecloud/grove/internal/webhook"
	"github.com/grovecloud/grove/web"
)

// PublicURL is how the house calls itself in links.
const PublicURL = "http://grove.test"

// Password is every user's.
const Password = "correct horse battery"

// House is the two faces with what is behind them.
type House struct {
	*rest.Router
	DB      *store.DB
	Path    string // of the database
	Access  *access.Access
	Fleet   *fleet.Fleet
	Queue   *queue.Queue
	Library *library.Library
	Log     *Log
	Token   string // of ann@grove.local, an owner
	Cookie  string // by which her browser is signed in to the dashboard
	UserID  int64
}

// Log is what was logged.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String is everything so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func config(path string) store.Config {
	return store.Config{Path: path, MasterKey: make([]byte, 32)}
}

// cheap hashes are fit for tests alone.
func cheap() access.Hashing { return access.Hashing{MemoryKiB: 64, Passes: 1} }

// seeded is a database in which the key that signs tokens has been made already,
// since that takes a second.
var seeded = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "grove")
	if err != nil {
		return nil, err
	}
	db, err := store.Open(context.Background(), config(filepath.Join(dir, seedName)))
	if err != nil {
		return nil, err
	}
	_, err = access.New(context.Background(), access.Config{Records: db, Log: slog.New(slog.DiscardHandler), Hashes: cheap()})
	if err := errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	seed, err := fs.ReadFile(os.DirFS(dir), seedName)
	return seed, errors.Join(err, os.RemoveAll(dir))
})

const seedName = "grove.db"

// New makes a house with these limits and one owner, signed in.
func New(t testing.TB, limits string) *House {
	t.Helper()
	h := Empty(t, limits)
	h.moveIn(t)
	return h
}

// Inhabited is [New] on a database that is empty.
func Inhabited(t testing.TB, db *store.DB, limits string) *House {
	t.Helper()
	h := On(t, db, limits)
	h.moveIn(t)
	return h
}

// moveIn makes ann an owner and signs her in.
func (h *House) moveIn(t testing.TB) {
	t.Helper()
	tokens := h.signIn(t, "ann@grove.local", grove.Owner)
	browser, err := h.Access.ForBrowser(t.Context(), tokens)
	if err != nil {
		t.Fatal(err)
	}
	h.Token, h.Cookie = string(tokens.Access), rest.DashboardCookie+"="+string(browser.Cookie)
	u, err := h.DB.UserByEmail(t.Context(), "ann@grove.local")
	if err != nil {
		t.Fatal(err)
	}
	h.UserID = u.ID
}

// Empty makes a house in which nobody lives yet.
func Empty(t testing.TB, limits string) *House {
	t.Helper()
	seed, err := seeded()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), seedName)
	if err := os.WriteFile(path, seed, 0o600); err != nil {
		t.Fatal(err)
	}
	var h *House
	cfg := config(path)
	cfg.Audience = func(serial string, ownerID int64) []int64 { return h.Access.Audience(serial, ownerID) }
	db, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	h = On(t, db, limits)
	h.Path = path
	return h
}

// On makes a house in which nobody lives yet on a database that is empty.
func On(t testing.TB, db *store.DB, limits string) *House {
	t.Helper()
	h := &House{Log: &Log{}, DB: db}
	if err := h.open(t, limits); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *House) open(t testing.TB, limits string) (err error) {
	log := slog.New(slog.NewTextHandler(h.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	registry := prometheus.NewRegistry()
	if h.Access, err = access.New(t.Context(), access.Config{
		Records: h.DB, PublicURL: PublicURL, Log: log, Hashes: cheap(), Registry: registry,
	}); err != nil {
		return err
	}
	h.run(t, h.Access.Run)
	h.Fleet, err = fleet.New(t.Context(), fleet.Config{
		Records: h.DB, Gate: h.Access, Guesses: h.Access, PINs: h.Access, Tell: func(string, []byte) {}, Log: log, Registry: registry,
	})
	if err != nil {
		return err
	}
	disk, err := blob.OpenDisk(t.TempDir())
	if err != nil {
		return err
	}
	t.Cleanup(func() {
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
	})
	h.Library = library.New(library.Config{
		Records: h.DB, Blobs: disk, Key: make([]byte, 32), PublicURL: PublicURL, MinFree: -1, Log: log, Locked: h.Access.Locked,
	})
	h.Queue = queue.New(queue.Config{
		Records: h.DB, Printers: printers{h.Fleet}, Carriers: h.Fleet, Files: h.Library, Gate: h.Access, Log: log, Registry: registry,
	})
	h.Fleet.Join(turns{h.Queue}, h.Queue)
	h.Fleet.Reach(Street{})
	hooks := webhook.New(webhook.Config{
		Records: h.DB, Poster: post.New(post.Config{AllowLoopback: true}), Log: log, Registry: registry,
	})
	rules, err := limit.Parse(limits)
	if err != nil {
		return err
	}
	h.Router, err = rest.New(rest.Config{
		Access: h.Access, Limits: limit.New(rules), Library: h.Library, Repeats: h.DB, Log: log, Registry: registry,
		Ready: h.DB.Ping, Dashboard: web.Files,
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "figures") }),
	})
	if err != nil {
		return err
	}
	news := feed.New(feed.Config{Records: h.DB, Gate: h.Access})
	cloud.Mount(h.Router, cloud.Rules{Access: h.Access, Fleet: h.Fleet, Queue: h.Queue, Library: h.Library, Feed: news})
	own.Mount(h.Router, own.Rules{
		Access: h.Access, Fleet: h.Fleet, Queue: h.Queue, Library: h.Library, Feed: news, Hooks: hooks, Journal: h.DB,
		Tunnels: Alley{}, Toys: &Toys{Access: h.Access}, House: Shell{},
	})
	return nil
}

// run runs a loop until the test ends.
func (h *House) run(t testing.TB, loop func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- loop(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// The rules see the store and each other through these, as in the server.
type (
	printers struct{ *fleet.Fleet }
	turns    struct{ *queue.Queue }
)

// Start refuses: no queue runs here.
func (printers) Start(context.Context, queue.Order) error { return errors.New("nothing starts here") }

// Turn goes nowhere: what printers say moves no job here.
func (turns) Turn(context.Context, fleet.Turn) error { return nil }

// Settled tells nobody.
func (turns) Settled() {}

// SignIn adds a user and gives an access token.
func (h *House) SignIn(t testing.TB, email string, role grove.Role) string {
	t.Helper()
	return string(h.signIn(t, email, role).Access)
}

func (h *House) signIn(t testing.TB, email string, role grove.Role) access.Tokens {
	t.Helper()
	if _, err := h.Access.AddUser(t.Context(), email, Password, "Ann", role); err != nil {
		t.Fatal(err)
	}
	tokens, err := h.Access.Login(t.Context(), access.Credentials{Account: email, Password: Password, Remote: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// Serve lets the house answer. Whoever is answered with a stream hangs up after its
// first words.
func (h *House) Serve(r *http.Request) *httptest.ResponseRecorder {
	ctx, leave := context.WithCancel(r.Context())
	defer leave()
	w := impatient{httptest.NewRecorder(), leave}
	h.ServeHTTP(w, r.WithContext(ctx))
	return w.ResponseRecorder
}

type impatient struct {
	*httptest.ResponseRecorder

	leave func()
}

// Flush ends a stream.
func (i impatient) Flush() {
	i.ResponseRecorder.Flush()
	if i.Header().Get("Content-Type") == "text/event-stream" {
		i.leave()
	}
}

// Ask sends a request as the owner. Headers are pairs; an empty value takes one away.
func (h *House) Ask(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+h.Token)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	return h.Serve(r)
}

// Call asks, demands a status, and reads the answer.
func Call[T any](t testing.TB, h *House, status int, method, target, body string, headers ...string) T {
	t.Helper()
	w := h.Ask(method, target, body, headers...)
	if w.Code != status {
		t.Fatalf("%s %s: got %d %s, want %d", method, target, w.Code, w.Body, status)
	}
	var out T
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%s %s: %v in %s", method, target, err, w.Body)
	}
	return out
}

// Refused asks, and demands an error of this status and code in the envelope.
func Refused(t testing.TB, h *House, status, code int, method, target, body string, headers ...string) cloudapi.Error {
	t.Helper()
	w := h.Ask(method, target, body, headers...)
	return Told(t, w, status, code)
}

// Told demands that an answer is an error of this status and code, complete.
func Told(t testing.TB, w *httptest.ResponseRecorder, status, code int) cloudapi.Error {
	t.Helper()
	var e cloudapi.Error
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
		t.Fatalf("status %d, body %q: %v", w.Code, w.Body, err)
	}
	if w.Code != status || e.Code != code {
		t.Errorf("got %d %s, want status %d and code %d", w.Code, w.Body, status, code)
	}
	if e.Message == "" || e.Name == "" || e.Details.Reason == "" || e.Details.RequestID == "" {
		t.Errorf("incomplete error: %s", w.Body)
	}
	if got := w.Header().Get("X-Request-Id"); got != e.Details.RequestID {
		t.Errorf("request id %q in the header, %q in the body", got, e.Details.RequestID)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("an error of type %q", got)
	}
	return e
}

// Line is a printer's end of a link: what was sent to it can be taken from Sent.
type Line struct{ Sent chan string }

// Send is what the fleet calls. What nobody takes is lost.
func (l *Line) Send(payload []byte, _ time.Time, _ func()) error {
	select {
	case l.Sent <- string(payload):
	default:
	}
	return nil
}

// Close ends nothing: there is no wire.
func (*Line) Close(string) {}

// Report is a full report of an idle printer that once had a job of somebody's.
const Report = `{"print":{"command":"push_status","msg":0,"sequence_id":"1","gcode_state":"IDLE","mc_percent":0,"stg_cur":-1,
"nozzle_temper":25.5,"nozzle_target_temper":0,"bed_temper":24,"nozzle_diameter":"0.4","task_id":"0","subtask_name":"","hms":[],"wifi_signal":"-50dBm",
"ams":{"ams":[{"id":"0","humidity":"4","temp":"25.0","tray":[{"id":"0","tray_type":"PLA","tray_color":"00AE42FF","tray_info_idx":"GFA00","nozzle_temp_max":"230"},{"id":"1"}]}],"tray_now":"255"}}}`

// Versions is what a printer with a filament unit answers to get_version.
const Versions = `{"info":{"command":"get_version","sequence_id":"1","result":"success","module":[
{"name":"ota","project_name":"C12","product_name":"Bambu Lab P1S","sw_ver":"01.08.02.00","hw_ver":"OTA","sn":"01P00A000000001"},
{"name":"ams/0","sw_ver":"00.00.06.49","hw_ver":"AMS08","sn":"00600A000000001"}]}}`

// Connect makes a bound printer connected, and has it report.
func (h *House) Connect(t testing.TB, serial, report string) *Line {
	t.Helper()
	l := &Line{Sent: make(chan string, 64)}
	detach := h.Fleet.Attach(serial, l)
	t.Cleanup(func() { detach("end of test") })
	h.Fleet.Observe(serial, []byte(Versions))
	h.Fleet.Observe(serial, []byte(report))
	return l
}

// Upload uploads a file of ann's through the front door.
func (h *House) Upload(t testing.TB, name string, content []byte) cloudapi.Confirmed {
	t.Helper()
	up := Call[cloudapi.Upload](t, h, 200, "POST", "/v1/iot-service/api/user/upload", fmt.Sprintf(`{"filename":%q,"size":%d}`, name, len(content)))
	if w := h.Ask("PUT", up.UploadURL, string(content), "Content-Type", "", "Authorization", ""); w.Code != 200 || w.Body.Len() != 0 {
		t.Fatalf("put %s: %d %s", name, w.Code, w.Body)
	}
	return Call[cloudapi.Confirmed](t, h, 200, "POST", "/v1/iot-service/api/user/upload/confirm", fmt.Sprintf(`{"file_id":%q}`, up.FileID))
}

// Shell is a server of which nothing is real.
type Shell struct{}

var shellTime = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Status tells figures that are always the same.
func (Shell) Status(context.Context) (cloudapi.ServerStatus, error) {
	return cloudapi.ServerStatus{
		Version: "v1.0.0", StartedAt: shellTime, UptimeSeconds: 3600, Database: cloudapi.ServerDatabase{Kind: "sqlite", SizeBytes: 409600},
		Files:       cloudapi.ServerFiles{Count: 1, SizeBytes: 30751, FreeBytes: 20 << 30, TotalBytes: 64 << 30},
		Limits:      cloudapi.ServerLimits{Rates: "off", FileBytes: 1 << 30, MinFreeBytes: 1 << 30, KeepDays: 90, KeepAuditDays: 400},
		Certificate: cloudapi.ServerCertificate{Kind: "built_in", HTTPS: true, Names: []string{"grove.local"}, NotAfter: shellTime, SHA256: "00:FF"},
		CA:          cloudapi.ServerCA{Needed: true, Path: own.CAPath, NotAfter: shellTime, SHA256: "00:FF"},
		Printers:    cloudapi.ServerPrinters{Bound: 2, Online: 1}, Mail: true,
	}, nil
}

// CA is no certificate.
func (Shell) CA() []byte {
	return []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
}

// Reach leads to the house's public address.
func (Shell) Reach() cloudapi.Reach {
	return cloudapi.Reach{BaseURL: PublicURL, MQTTHost: "grove.local", MQTTPort: 8883, HTTPNeedsCA: true, MQTTNeedsCA: true, CAPath: own.CAPath, CASHA256: "00:FF"}
}

// TestMail says that it went.
func (Shell) TestMail(context.Context, string) error { return nil }
