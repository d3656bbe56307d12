package rest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
	"github.com/grovecloud/grove/internal/store"
	"github.com/grovecloud/grove/internal/store/storetest"
	"github.com/grovecloud/grove/printfile/sample"
)

// list is a route that gives rows a page at a time.
type list struct {
	path    string
	entries string // where in the answer the rows are
	id      string // the field of a row that goes on with after
	add     func(*shelf)
	remove  string // method and path that take a row away; empty: they stay
	needs   bool   // the row that a page goes on after must still be there
	byAfter bool   // there is no other way to go on
	byPlace bool   // nor this one: there are offset and limit alone
}

var lists = []list{
	{path: own + "/audit", entries: "data", id: "id", add: addKey},
	{path: own + "/bridges", entries: "data", id: "id", add: addBridge},
	{path: own + "/events", entries: "data", id: "id", add: addEvent, byAfter: true},
	{path: own + "/files", entries: "data", id: "id", add: addFile, remove: "DELETE " + own + "/files/"},
	{path: own + "/jobs", entries: "data", id: "id", add: addJob},
	{path: own + "/keys", entries: "data", id: "id", add: addKey},
	{path: own + "/notifications", entries: "data", id: "id", add: addEvent},
	{path: own + "/printers", entries: "data", id: "serial", add: addPrinter, remove: "DELETE " + iot + "/user/bind?dev_id=", needs: true},
	{path: own + "/shares", entries: "data", id: "id", add: addShare, remove: "DELETE " + own + "/shares/"},
	{path: own + "/users", entries: "data", id: "id", add: addUser},
	{path: own + "/users/me/sessions", entries: "data", id: "id", add: addSession, remove: "DELETE " + own + "/users/me/sessions/"},
	{path: own + "/webhooks", entries: "data", id: "id", add: addHook, remove: "DELETE " + own + "/webhooks/"},
	{path: own + "/webhooks/{id}/deliveries", entries: "data", id: "id", add: addDelivery},
	{path: iot + "/user/bind", entries: "devices", id: "dev_id", add: addPrinter, remove: "DELETE " + iot + "/user/bind?dev_id=", needs: true},
	{path: iot + "/user/files", entries: "files", id: "file_id", add: addFile, remove: "DELETE " + own + "/files/"},
	{path: iot + "/user/project", entries: "projects", id: "project_id", add: addFile},
	{path: iot + "/user/print", entries: "data.jobs", id: "job_id", add: addJob},
	{path: iot + "/user/task", entries: "tasks", id: "id", add: addJob},
	{path: iot + "/user/notification", entries: "notifications", id: "id", add: addEvent},
	{path: user + "/my/tasks", entries: "hits", id: "id", add: addJob},
	{path: user + "/my/messages", entries: "hits", id: "id", add: addEvent},
	{path: desk + "/my/filament/v2", entries: "hits", id: "id", add: addSpool, byPlace: true},
	{path: own + "/files/{id}/versions", entries: "data", id: "id", add: addVersion, remove: "DELETE " + own + "/files/"},
}

// empty are lists that never have a row.
var empty = []string{site + "/design/{id}/instances", site + "/favorites/designs/{uid}"}

// shelf is a house in which rows are made.
type shelf struct {
	*resttest.House

	t    *testing.T
	made int
	hook string
	file string

	session string // that asks
}

func newShelf(t *testing.T, db *store.DB) *shelf {
	t.Helper()
	s := &shelf{House: resttest.Inhabited(t, db, "off"), t: t}
	s.ask("POST", iot+"/user/bind", fmt.Sprintf(`{"device_id":%q}`, benchSerial))
	s.Connect(t, benchSerial, resttest.Report)
	s.file = s.Upload(t, "part.gcode.3mf", sample.ThreeMF(sample.Model("C12"))).FileID
	s.hook = resttest.Call[cloudapi.Data[grove.Endpoint]](t, s.House, 201, "POST", own+"/webhooks", hookBody).Data.ID
	list := resttest.Call[cloudapi.Data[[]cloudapi.OpenSession]](t, s.House, 200, "GET", own+"/users/me/sessions", "")
	s.session = list.Data[0].ID // there is no other yet
	return s
}

const hookBody = `{"url":"http://127.0.0.1:9/hook","events":["print.completed"]}`

func (s *shelf) ask(method, target, body string) []byte {
	s.t.Helper()
	w := s.Ask(method, target, body)
	if w.Code/100 != 2 {
		s.t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

func addKey(s *shelf) { s.ask("POST", own+"/keys", `{"name":"k","scopes":[]}`) }

func addBridge(s *shelf) { s.ask("POST", own+"/bridges", `{"name":"b"}`) }

func addEvent(s *shelf) {
	told := grove.Event{UserID: s.UserID, Type: grove.PrintCompleted, At: time.Now(), Data: grove.EventData{DeviceID: benchSerial}}
	if err := s.DB.AddEvents(s.t.Context(), []grove.Event{told}); err != nil {
		s.t.Fatal(err)
	}
}

func addFile(s *shelf) { s.Upload(s.t, fmt.Sprintf("f%d.stl", s.made), sample.STL()) }

func addVersion(s *shelf) {
	s.Upload(s.t, "part.gcode.3mf", sample.ThreeMF(sample.Model("C12")))
}

func addJob(s *shelf) {
	s.ask("POST", iot+"/user/print", fmt.Sprintf(`{"device_id":%q,"file_id":%q}`, benchSerial, s.file))
}

func addPrinter(s *shelf) {
	// The order of serials is not that of binding.
	s.ask("POST", iot+"/user/bind", fmt.Sprintf(`{"device_id":"01P00A%09d"}`, (s.made*7919+11)%1000))
}

func addShare(s *shelf) {
	s.ask("POST", own+"/shares", fmt.Sprintf(`{"device_id":%q,"role":"viewer"}`, benchSerial))
}

func addUser(s *shelf) {
	if _, err := s.Access.AddUser(s.t.Context(), fmt.Sprintf("u%d@grove.local", s.made), resttest.Password, "U", grove.Viewer); err != nil {
		s.t.Fatal(err)
	}
}

func addSession(s *shelf) {
	s.ask("POST", user+"/user/login", fmt.Sprintf(`{"account":"ann@grove.local","password":%q}`, resttest.Password))
}

func addHook(s *shelf) { s.ask("POST", own+"/webhooks", hookBody) }

func addDelivery(s *shelf) { s.ask("POST", own+"/webhooks/"+s.hook+"/test", "") }

func addSpool(s *shelf) { s.ask("POST", desk+"/my/filament/v2", `{"filamentName":"x"}`) }

// fill makes as many rows as are needed.
func (s *shelf) fill(l list) { s.add(l, max(0, rows-len(s.read(l, "?limit=100")))) }

func (s *shelf) add(l list, n int) {
	for range n {
		s.made++
		l.add(s)
	}
}

// read gives the ids on one page.
func (s *shelf) read(l list, query string) []string {
	s.t.Helper()
	of := s.hook
	if strings.HasPrefix(l.path, own+"/files/") {
		of = s.file
	}
	target := strings.Replace(l.path, "{id}", of, 1) + query
	var v any
	if err := json.Unmarshal(s.ask("GET", target, ""), &v); err != nil {
		s.t.Fatal(err)
	}
	for field := range strings.SplitSeq(l.entries, ".") {
		v = v.(map[string]any)[field]
	}
	var ids []string
	for _, row := range v.([]any) {
		id := row.(map[string]any)[l.id]
		if number, ok := id.(float64); ok {
			id = int64(number)
		}
		ids = append(ids, fmt.Sprint(id))
	}
	return ids
}

// walk reads page after page until one is empty. Between pages change is called
// with what was seen so far.
func (s *shelf) walk(l list, next func(seen []string) string, change func(seen []string)) []string {
	s.t.Helper()
	var seen []string
	for range 100 {
		page := s.read(l, next(seen))
		if len(page) == 0 {
			return seen
		}
		seen = append(seen, page...)
		change(seen)
	}
	s.t.Fatalf("%s has no end: %v", l.path, seen)
	return nil
}

// after goes on after the last row that was seen.
func after(limit int) func([]string) string {
	return func(seen []string) string {
		if len(seen) == 0 {
			return fmt.Sprintf("?limit=%d", limit)
		}
		return fmt.Sprintf("?limit=%d&after=%s", limit, seen[len(seen)-1])
	}
}

// pages asks for page after page.
func pages(limit int) func([]string) string {
	n := 0
	return func([]string) string {
		n++
		return fmt.Sprintf("?limit=%d&page=%d", limit, n)
	}
}

// places leaves out as many rows as were seen.
func places(limit int) func([]string) string {
	return func(seen []string) string { return fmt.Sprintf("?limit=%d&offset=%d", limit, len(seen)) }
}

func times(ids []string, id string) int {
	n := 0
	for _, other := range ids {
		if other == id {
			n++
		}
	}
	return n
}

const rows = 7

// TestAfterVisitsEachRowOnce: rows are made, and others taken away, between pages.
// The rows that were there before and stay are on exactly one page.
func TestAfterVisitsEachRowOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, os.Getenv, func(t *testing.T, db *store.DB) {
		s, random := newShelf(t, db), rand.New(rand.NewPCG(1, 2))
		for _, l := range lists {
			if l.byPlace {
				continue
			}
			for range 2 {
				s.visitOnce(l, random)
			}
		}
	})
}

func (s *shelf) visitOnce(l list, random *rand.Rand) {
	s.t.Helper()
	s.fill(l)
	before := s.read(l, "?limit=100")
	if len(before) < rows || len(before) == 100 {
		s.t.Fatalf("%s has %d rows", l.path, len(before))
	}
	var gone []string
	inserted := 0
	seen := s.walk(l, after(2+random.IntN(3)), func(seen []string) {
		if inserted < rows { // a list that begins with its oldest would go on for ever
			n := random.IntN(3)
			inserted += n
			s.add(l, n)
		}
		victim := before[random.IntN(len(before))]
		kept := victim == before[len(before)-1] || victim == seen[len(seen)-1] && l.needs || slices.Contains(gone, victim)
		if l.remove == "" || kept || len(before)-len(gone) <= rows/2 || s.precious(victim) {
			return
		}
		method, path, _ := strings.Cut(l.remove, " ")
		s.ask(method, path+victim, "")
		gone = append(gone, victim)
	})
	for _, id := range seen {
		if times(seen, id) != 1 {
			s.t.Errorf("%s: row %s was on %d pages", l.path, id, times(seen, id))
		}
	}
	for _, id := range before {
		if !slices.Contains(gone, id) && times(seen, id) != 1 {
			s.t.Errorf("%s: row %s was on %d pages; before %v, seen %v", l.path, id, times(seen, id), before, seen)
		}
	}
	if l.remove != "" && len(gone) == 0 {
		s.t.Errorf("%s: nothing was taken away", l.path)
	}
}

// precious is what the other lists need, and the session that asks.
func (s *shelf) precious(id string) bool {
	return id == s.hook || id == s.file || id == benchSerial || id == s.session
}

// TestPagesAndOffsetsMissNothingThatIsNew: where rows stay as they are, each is on
// one page. What is made meanwhile comes first, so that it moves rows to a later
// page: they may be seen twice, and none is missed. Only what is taken away can
// have others missed, which the documents say.
func TestPagesAndOffsetsMissNothingThatIsNew(t *testing.T) {
	t.Parallel()
	storetest.Each(t, os.Getenv, func(t *testing.T, db *store.DB) {
		s := newShelf(t, db)
		for _, l := range lists {
			if l.byAfter {
				continue
			}
			s.fill(l)
			before := s.read(l, "?limit=100")
			styles := []func(int) func([]string) string{places, pages}
			if l.byPlace {
				styles = styles[:1]
			}
			for _, style := range styles {
				quiet := s.walk(l, style(3), func([]string) {})
				if !slices.Equal(quiet, s.read(l, "?limit=100")) {
					t.Errorf("%s: got %v", l.path, quiet)
				}
				made := 0
				busy := s.walk(l, style(3), func([]string) {
					if made++; made < 4 {
						s.add(l, 1)
					}
				})
				for _, id := range before {
					if times(busy, id) == 0 {
						t.Errorf("%s: row %s was missed: %v", l.path, id, busy)
					}
				}
			}
		}
	})
}

// TestEveryListIsWalked finds the lists by what the description says of their
// answers, so that a new one is walked as well.
func TestEveryListIsWalked(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	known := slices.Clone(empty)
	for _, l := range lists {
		known = append(known, l.path)
	}
	found := 0
	for path, operations := range described(t, h).Paths {
		get, ok := operations["get"]
		if !ok {
			continue
		}
		for _, p := range get.Parameters {
			if (p.Name == "after" || p.Name == "offset" || p.Name == "page") && !slices.Contains(known, path) {
				t.Errorf("%s gives pages and is in no table here", path)
			}
			if p.Name == "after" {
				found++
			}
		}
	}
	byAfter := slices.DeleteFunc(slices.Clone(lists), func(l list) bool { return l.byPlace })
	if found != len(byAfter) {
		t.Errorf("%d lists take after, %d are walked", found, len(byAfter))
	}
}
