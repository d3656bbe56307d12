package server

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/bridge"
	"github.com/grovecloud/grove/internal/rest/resttest"
	"github.com/grovecloud/grove/internal/sim"
)

// The access codes of the printers: the one that is right at first, one that never is,
// and the one after it was changed. They are the passwords for MQTT, FTPS and RTSPS.
const (
	canaryCode  = "c4n4ryF1rst8271"
	canaryWrong = "c4n4ryWr0ng5930"
	canaryNext  = "c4n4ryN3xt66104"
)

// sinks are where a secret must not be.
type sinks map[string][]byte

// search fails for each secret that is in a sink, as it is or as programs write it.
func (s sinks) search(t *testing.T, secrets, marks map[string]string) {
	t.Helper()
	for sink, mark := range marks {
		if !bytes.Contains(s[sink], []byte(mark)) {
			t.Errorf("the %s say nothing of %s, so nothing was searched", sink, mark)
		}
	}
	for what, secret := range secrets {
		for form, text := range map[string]string{
			"plain": secret, "escaped": url.QueryEscape(secret), "hex": hex.EncodeToString([]byte(secret)),
			"base64": base64.StdEncoding.EncodeToString([]byte(secret)), "basic": base64.StdEncoding.EncodeToString([]byte("bblp:" + secret)),
		} {
			text = strings.TrimRight(text, "=")
			for sink, content := range s {
				if i := bytes.Index(content, []byte(text)); i >= 0 {
					t.Errorf("%s (%s) is in the %s: …%s…", what, form, sink, content[max(0, i-100):min(len(content), i+50)])
				}
			}
		}
	}
}

// dump is all that a database holds.
func dump(t *testing.T, c Config) []byte {
	t.Helper()
	var out bytes.Buffer
	if c.Database == "" {
		for _, name := range []string{"grove.db", "grove.db-wal"} {
			content, err := os.ReadFile(filepath.Join(c.Data, name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			out.Write(content)
		}
		return out.Bytes()
	}
	conn, err := pgx.Connect(t.Context(), c.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		rows, err := conn.Query(t.Context(), "SELECT row_to_json(x)::text FROM "+pgx.Identifier{table}.Sanitize()+" x")
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			out.WriteString(table + " " + line + "\n")
		}
	}
	return out.Bytes()
}

// listening is a webhook server that keeps what it is sent, head and body.
func listening(t *testing.T) (at string, heard func() []byte) {
	t.Helper()
	var mu sync.Mutex
	var all bytes.Buffer
	r := newReceiver(t)
	r.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_ = q.Write(&all)
		w.WriteHeader(http.StatusNoContent)
	})
	return r.URL, func() []byte {
		mu.Lock()
		defer mu.Unlock()
		return bytes.Clone(all.Bytes())
	}
}

// gather are the sinks of a server, but for its log and its webhooks.
func (h *house) gather(t *testing.T, c Config) sinks {
	t.Helper()
	all := sinks{"records": dump(t, c)}
	for sink, path := range map[string]string{"figures": "/metrics", "audit": "/v1/grove-service/audit/export"} {
		status, _, answer := h.raw("GET", path, string(h.client.Token()), "")
		if status != http.StatusOK {
			t.Fatalf("%s: %d %s", sink, status, answer)
		}
		all[sink] = answer
	}
	var err error
	if all["events"], err = json.Marshal(must(h.client.Events(t.Context(), 0))(t)); err != nil {
		t.Fatal(err)
	}
	if all["notifications"], err = json.Marshal(must(h.client.Notifications(t.Context(), false, grove.Page{}))(t)); err != nil {
		t.Fatal(err)
	}
	return all
}

// What can go wrong with a printer on a network goes wrong, and nowhere is a word of
// what opens it or its bridge.
func TestNoSecretOfAPrintersNetworkIsWrittenAnywhere(t *testing.T) {
	t.Parallel()
	for name, model := range map[string]string{"pictures": "P1S", "video": "X1C"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			databases(t, func(t *testing.T, base Config) {
				var log resttest.Log
				c := distant(t)
				c.lan.Ping, c.lan.Silence = patient(t).lan.Ping, patient(t).lan.Silence
				c.TLS, c.Database, c.OfflineGrace = false, base.Database, 200*time.Millisecond
				c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
				h := owned(t, c)
				hook, heard := listening(t)
				must(h.client.CreateWebhook(t.Context(), cloudapi.WebhookRequest{URL: hook, Events: grove.EventTypes()}))(t)
				p := h.onLAN(func(c *sim.Config) { c.Model, c.LAN.AccessCode = model, canaryCode })
				key := h.throughItAll(t, p, c.Log)
				until(t, "webhooks have told it", func() bool { return bytes.Contains(heard(), []byte("bridge.disconnected")) })

				all := h.gather(t, c)
				all["log"], all["webhooks"] = []byte(log.String()), heard()
				all.search(t, map[string]string{
					"the access code": canaryCode, "a wrong code": canaryWrong, "the next code": canaryNext, "the bridge's key": string(key),
				}, map[string]string{
					"log": "level=DEBUG", "records": "Workshop", "figures": "grove_bridge_links", "audit": "printer.bind",
					"events": "printer.quarantined", "webhooks": "printer.quarantined", "notifications": "quarantine",
				})
				all.search(t, map[string]string{"the address of a video": "bblp:", "another": "rtsp://"}, nil)
			})
		})
	}
}

// throughItAll adds a printer through a bridge and lets all go well, and then wrong.
func (h *house) throughItAll(t *testing.T, p *sim.Printer, log *slog.Logger) grove.Secret {
	t.Helper()
	ctx := t.Context()
	made, _, stop := h.bridged(p, func(c *bridge.RemoteConfig) {
		c.Log = log
		c.Ports = append(c.Ports, p.Ports().Camera, p.Ports().RTSPS)
	})
	in := behind(made.ID, p)
	in.Camera, in.RTSPS, in.AccessCode = p.Ports().Camera, p.Ports().RTSPS, canaryWrong
	if _, err := h.client.AddPrinter(ctx, in); !grove.HasReason(err, "access_code_refused") {
		t.Errorf("a wrong code: %v", err)
	}
	in.AccessCode = canaryCode
	must(h.client.AddPrinter(ctx, in))(t)
	h.connected(bench)
	s := h.slicer(t)
	see := func() string {
		answer := s.told(iotUser + "/device/" + bench + "/snapshot")
		var link struct{ URL string }
		if json.Unmarshal([]byte(answer), &link) != nil || link.URL == "" {
			return answer
		}
		return s.told(link.URL)
	}
	if first := see(); !strings.HasPrefix(first, "\xFF\xD8") && !strings.Contains(first, "ffmpeg") { // where it is not installed
		t.Errorf("no picture: %s", first)
	}
	wrong(t, p, func(f *sim.Faults) { f.Files.CutAfterBytes = 500 })
	file := h.uploadFor(h.shownLive().Model, 0).FileID
	h.connected(bench)
	if j := h.ends(h.print(file)); j.State != grove.Failed {
		t.Errorf("a cut upload: %s %s", j.State, j.Why)
	}
	wrong(t, p, func(f *sim.Faults) { f.Files.CutAfterBytes = 0 })
	h.connected(bench) // on a busy machine it may have been cut for its silence
	if j := h.ends(h.print(file)); j.State != grove.Finished {
		t.Errorf("job %s: %s", j.State, j.Why)
	}
	must(h.client.StorageFiles(ctx, bench, "/"))(t)
	must(h.client.TestPrinter(ctx, bench))(t)

	wrong(t, p, func(f *sim.Faults) { f.Camera.Off = true })
	see()
	wrong(t, p, func(f *sim.Faults) { f.Camera = sim.CameraFaults{} })

	if err := p.SetAccessCode(canaryNext); err != nil {
		t.Fatal(err)
	}
	until(t, "its code is refused", func() bool { return strings.Contains(h.shownLive().Trouble, "access code") })
	see()
	_, err := h.client.StorageFiles(ctx, bench, "/")
	_, pairing := h.client.PairPrinter(ctx, bench, cloudapi.LANPair{AccessCode: canaryWrong})
	if err == nil || pairing == nil {
		t.Errorf("with the former code: %v, with a wrong one: %v", err, pairing)
	}
	must(h.client.PairPrinter(ctx, bench, cloudapi.LANPair{AccessCode: canaryNext}))(t)
	h.connected(bench)
	wrong(t, p, func(f *sim.Faults) { f.Certificate = sim.OtherKey })
	wrong(t, p, func(f *sim.Faults) { f.PowerOff = true })
	until(t, "it is gone", func() bool { return h.links() == 0 })
	wrong(t, p, func(f *sim.Faults) { f.PowerOff = false })
	until(t, "it is in quarantine", func() bool { return h.shownLive().LAN.Quarantined() })
	stop()
	until(t, "the bridge is gone", func() bool { return !h.bridges()[0].Connected })
	if _, err := h.client.TestPrinter(ctx, bench); err != nil {
		t.Error(err)
	}
	return made.Secret
}
