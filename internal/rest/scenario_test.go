package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/rest/resttest"
	"github.com/grovecloud/grove/printfile/sample"
)

// step is a request of the story in which every operation is asked once. What
// begins with $ stands for something that an earlier answer gave.
type step struct {
	ask   string // method and target
	body  string
	keep  string // names and where in the answer they are, such as job=data.id
	as    string // whose token; empty: ann's, or none on open routes
	first func(*play)
}

// play tells the story to a house.
type play struct {
	*resttest.House

	t     testing.TB
	names map[string]string
}

const benchSerial = "01P00A000000001"

// newPlay is an empty house, to which the story is told.
func newPlay(t testing.TB) *play {
	t.Helper()
	return playIn(t, resttest.Empty(t, "off"))
}

func playIn(t testing.TB, h *resttest.House) *play {
	t.Helper()
	code, _ := h.Access.SetupCode()
	return &play{h, t, map[string]string{
		"serial": benchSerial, "second": "00M00A000000002", "password": resttest.Password, "setup": code,
		"content": string(sample.ThreeMF(sample.Model("C12"))),
	}}
}

// tell asks each step and hands what was asked and answered to heard.
func (p *play) tell(steps []step, heard func(s step, method, target, body string, w *httptest.ResponseRecorder)) {
	p.t.Helper()
	for _, s := range steps {
		if s.first != nil {
			s.first(p)
		}
		method, target, _ := strings.Cut(p.fill(s.ask), " ")
		body := p.fill(s.body)
		w := p.send(s, method, target, body)
		if w.Code >= 400 {
			p.t.Fatalf("%s %s: %d %s", s.ask, body, w.Code, w.Body)
		}
		p.keep(s.keep, w.Body.Bytes())
		if heard != nil {
			heard(s, method, target, body, w)
		}
	}
}

func (p *play) send(s step, method, target, body string) *httptest.ResponseRecorder {
	token := p.names["ann"]
	if s.as != "" {
		token = p.names[s.as]
	}
	headers := []string{"Authorization", "Bearer " + token}
	if token == "" {
		headers[1] = ""
	}
	return p.Ask(method, target, body, headers...)
}

var name = regexp.MustCompile(`\$[a-z_]+`)

// fill puts what is known in the place of its name.
func (p *play) fill(text string) string {
	return name.ReplaceAllStringFunc(text, func(n string) string {
		if value, ok := p.names[n[1:]]; ok {
			return value
		}
		return n
	})
}

// keep remembers parts of an answer by name.
func (p *play) keep(wanted string, answer []byte) {
	for w := range strings.FieldsSeq(wanted) {
		as, path, _ := strings.Cut(w, "=")
		var v any
		if err := json.Unmarshal(answer, &v); err != nil {
			p.t.Fatalf("%v in %s", err, answer)
		}
		for field := range strings.SplitSeq(path, ".") {
			switch inside := v.(type) {
			case map[string]any:
				v = inside[field]
			case []any:
				v = inside[len(inside)-1].(map[string]any)[field]
			}
		}
		if number, ok := v.(float64); ok {
			v = int64(number)
		}
		if v == nil || v == "" {
			p.t.Fatalf("no %s in %s", path, answer)
		}
		p.names[as] = fmt.Sprint(v)
	}
}

// bench is the link of a printer that does what it is told and can be seen.
type bench struct {
	h      *resttest.House
	serial string
}

// Send answers what it is told.
func (b bench) Send(payload []byte, _ time.Time, _ func()) error {
	var told map[string]map[string]any
	if err := json.Unmarshal(payload, &told); err != nil {
		return err
	}
	for kind := range told {
		reply := []byte(resttest.Report)
		if kind == "info" {
			asked := fmt.Sprintf(`"command":"get_version","sequence_id":%q`, fmt.Sprint(told[kind]["sequence_id"]))
			reply = []byte(strings.Replace(resttest.Versions, `"command":"get_version"`, asked, 1))
		}
		if kind != "info" && kind != "pushing" {
			told[kind]["result"] = "success"
			var err error
			if reply, err = json.Marshal(told); err != nil {
				return err
			}
		}
		go b.h.Fleet.Observe(b.serial, reply)
	}
	return nil
}

// Close ends nothing: there is no wire.
func (bench) Close(string) {}

// List shows a card with one timelapse.
func (bench) List(context.Context, string) ([]grove.StorageEntry, error) {
	return []grove.StorageEntry{{
		Name: "video_1.avi", Path: "/timelapse/video_1.avi", SizeBytes: 4, ChangedAt: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC),
	}}, nil
}

// Fetch gives that.
func (bench) Fetch(_ context.Context, _ string, w io.Writer) error {
	_, err := io.WriteString(w, "film")
	return err
}

// Drop deletes it.
func (bench) Drop(context.Context, string) error { return nil }

// Sight is nil.
func (bench) Sight() error { return nil }

// Watch shows it every second.
func (bench) Watch(ctx context.Context, show func([]byte)) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		show([]byte("\xFF\xD8jpeg"))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// connect has the printer come in and something happen on it.
func connect(p *play) {
	detach := p.Fleet.Attach(benchSerial, bench{p.House, benchSerial})
	p.t.Cleanup(func() { detach("end of test") })
	p.Fleet.Observe(benchSerial, []byte(resttest.Versions))
	p.Fleet.Observe(benchSerial, []byte(resttest.Report))
	ann, err := p.DB.UserByEmail(p.t.Context(), "ann@grove.local")
	if err != nil {
		p.t.Fatal(err)
	}
	p.UserID = ann.ID
	err = p.DB.AddEvents(p.t.Context(), []grove.Event{{
		UserID: ann.ID, Type: grove.PrintCompleted, At: time.Now(),
		Data: grove.EventData{DeviceID: benchSerial, DeviceName: "Bench", FileName: "part.gcode.3mf", Status: "FINISH"},
	}})
	if err != nil {
		p.t.Fatal(err)
	}
}

// prints has the printer at the print of a job, rests at none.
func prints(p *play) {
	p.Fleet.Observe(benchSerial, fmt.Appendf(nil,
		`{"print":{"command":"push_status","gcode_state":"RUNNING","task_id":%q,"subtask_name":"part.gcode.3mf","mc_percent":40}}`, p.names["job"]))
}

func rests(p *play) { p.Fleet.Observe(benchSerial, []byte(resttest.Report)) }

// hello is the beginning of a stream, as it is written.
type hello struct {
	http.ResponseWriter
	heard chan []byte
}

func (h hello) Write(b []byte) (int, error) {
	select {
	case h.heard <- slices.Clone(b):
	default:
	}
	return len(b), nil
}

func (hello) Flush() {}

// gaze opens the stream of a dashboard, which goes on beside the story.
func gaze(p *play) {
	ctx, stop := context.WithCancel(context.Background())
	r := httptest.NewRequestWithContext(ctx, "GET", own+"/live", nil)
	r.Header.Set("Authorization", "Bearer "+p.names["ann"])
	w := hello{httptest.NewRecorder(), make(chan []byte, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.ServeHTTP(w, r)
	}()
	p.t.Cleanup(func() { stop(); <-ended })
	id := regexp.MustCompile(`"id":"(\w+)"`).FindSubmatch(<-w.heard)
	if id == nil {
		p.t.Fatal("the stream does not say its id")
	}
	p.names["stream"] = string(id[1])
}

// doubt makes it unknown what became of the newest job.
func doubt(p *play) {
	var id int64
	if _, err := fmt.Sscan(p.names["task"], &id); err != nil {
		p.t.Fatal(err)
	}
	_, err := p.DB.UpdateJob(p.t.Context(), id, func(j *grove.Job) ([]grove.Event, error) {
		j.State = grove.Unknown
		return nil, nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// pictured gives the newest job a picture of its end.
func pictured(p *play) {
	var id int64
	if _, err := fmt.Sscan(p.names["task"], &id); err != nil {
		p.t.Fatal(err)
	}
	if err := p.Library.KeepPicture(p.t.Context(), id, []byte("\xFF\xD8jpeg")); err != nil {
		p.t.Fatal(err)
	}
	_, err := p.DB.UpdateJob(p.t.Context(), id, func(j *grove.Job) ([]grove.Event, error) {
		j.PicturedAt = time.Now()
		return nil, nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// look shows what the authenticator app says, once it says something new.
func look(p *play) {
	<-time.After(time.Minute) // of the bubble
	code, err := totp.GenerateCode(p.names["totp"], time.Now())
	if err != nil {
		p.t.Fatal(err)
	}
	p.names["app"] = code
}

// settle waits for what is done beside requests.
func settle(*play) { synctest.Wait() }

// laterSession finds the newest session, which is not the one that asks.
func laterSession(p *play) {
	w := p.Ask("GET", own+"/users/me/sessions?limit=1", "", "Authorization", "Bearer "+p.names["ann"])
	p.keep("session=data.id", w.Body.Bytes())
}
