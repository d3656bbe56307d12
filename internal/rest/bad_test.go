package rest_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
	"github.com/grovecloud/grove/internal/store"
	"github.com/grovecloud/grove/internal/store/storetest"
)

// schema is as much of a body's description as is needed to spoil the body.
type schema struct {
	Ref        string `json:"$ref"`
	Type       any
	Properties map[string]schema
	OneOf      []schema
	AnyOf      []schema
}

// taker is an operation that takes JSON, with a body that is in order.
type taker struct {
	step
	method, target string
	body           map[string]json.RawMessage
	fields         map[string]schema
	own            bool
}

func (k taker) String() string { return k.method + " " + k.target }

// takers are all operations that take JSON: the story asks each.
func takers(t *testing.T, p *play) []taker {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct{ Schema schema }
			}
		}
		Components struct{ Schemas map[string]schema }
	}
	if err := json.Unmarshal(p.Ask("GET", "/openapi.json", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	found, d := map[string]taker{}, described(t, p.House)
	for _, s := range slices.Concat(beginning, middle, end) {
		method, target, _ := strings.Cut(p.fill(s.ask), " ")
		path, _ := d.find(method, strings.Split(target, "?")[0])
		media, ok := doc.Paths[path][strings.ToLower(method)].RequestBody.Content["application/json"]
		if !ok || s.body == "" {
			continue
		}
		k := taker{step: s, method: method, target: target, fields: resolve(media.Schema, doc.Components.Schemas).Properties, own: strings.HasPrefix(path, own)}
		if err := json.Unmarshal([]byte(strings.NewReplacer(`$message`, "1", `$spool`, "1").Replace(p.fill(s.body))), &k.body); err != nil {
			t.Fatalf("%s: %v", s.ask, err)
		}
		found[method+" "+path] = k
	}
	for path, operations := range doc.Paths {
		for method, o := range operations {
			if _, ok := found[strings.ToUpper(method)+" "+path]; !ok && o.RequestBody.Content["application/json"].Schema.Ref != "" {
				t.Errorf("%s %s takes JSON and gets none in the story", method, path)
			}
		}
	}
	return slices.Collect(maps.Values(found))
}

func resolve(s schema, all map[string]schema) schema {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return all[name]
	}
	return s
}

// with is the body with one more field, or with another value of it.
func (k taker) with(field, value string) string {
	body := maps.Clone(k.body)
	if body == nil {
		body = map[string]json.RawMessage{}
	}
	body[field] = json.RawMessage(value)
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(body)) {
		parts = append(parts, fmt.Sprintf("%q:%s", name, body[name]))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// wrong is a value of another type than the schema's; empty where it takes all.
func (s schema) wrong() string {
	kind := fmt.Sprint(s.Type)
	switch {
	case len(s.OneOf) > 0, len(s.AnyOf) > 0, strings.Contains(kind, "array"):
		return `{"a":1}`
	case s.Ref != "", strings.Contains(kind, "object"):
		return "5"
	case strings.Contains(kind, "string"), strings.Contains(kind, "integer"), strings.Contains(kind, "number"), strings.Contains(kind, "boolean"):
		return `["a"]`
	}
	return ""
}

// badBodies are what JSON of whatever shape is refused for, with words that the
// reason must have.
func (k taker) badBodies() map[string][2]string {
	whole := k.with("more", "1")
	bad := map[string][2]string{
		"truncated":     {whole[:len(whole)/2], ""},
		"deep":          {k.with("more", strings.Repeat("[", 5000)+strings.Repeat("]", 5000)), "deep"},
		"twice":         {`{"a":1,"a":2,` + whole[1:], "more than once"},
		"twice inside":  {k.with("more", `[{"a":{"b":1,"b":1}}]`), "more than once"},
		"broken UTF-8":  {k.with("more", "\"\xff\xfe\""), "UTF-8"},
		"a list":        {"[]", ""},
		"a text":        {`"more"`, ""},
		"a number":      {"5", ""},
		"two documents": {whole + whole, ""},
		"no JSON":       {"more=1", ""},
	}
	if k.own {
		bad["unknown field"] = [2]string{whole, "more"}
	}
	for name, s := range k.fields {
		if value := s.wrong(); value != "" {
			bad["wrong type of "+name] = [2]string{k.with(name, value), name}
		}
		if kind := fmt.Sprint(s.Type); kind == "integer" || kind == "number" {
			bad["text for the number "+name] = [2]string{k.with(name, `"1"`), name}
		}
	}
	return bad
}

// belongings are what there is in a house, in numbers: acts, rows, presets.
func belongings(p *play) string {
	var all []string
	for _, l := range lists {
		target := p.fill(strings.Replace(l.path, "{id}", "$hook", 1)) + "?limit=1"
		if l.path == own+"/audit" {
			target += "&all=true"
		}
		var answer struct {
			Total      int
			Pagination struct{ Total int }
		}
		if err := json.Unmarshal(p.send(step{}, "GET", target, "").Body.Bytes(), &answer); err != nil {
			p.t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s: %d", l.path, max(answer.Total, answer.Pagination.Total)))
	}
	all = append(all, p.send(step{}, "GET", user+"/my/profile", "").Body.String())
	return strings.Join(append(all, p.send(step{}, "GET", iot+"/slicer/setting?version=2.6.0.0", "").Body.String()), "\n")
}

func TestBodiesThatAreWrongAreRefusedAndNothingIsDone(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.tell(beginning, nil)
	before, large := belongings(p), `{"more":"`+strings.Repeat("a", 10<<20)+`"}`
	for _, k := range takers(t, p) {
		for what, bad := range k.badBodies() {
			w := p.send(k.step, k.method, k.target, bad[0])
			if w.Code != 400 {
				t.Errorf("%s, %s: %d %s", k, what, w.Code, w.Body)
				continue
			}
			if reason := reasonOf(t, k, what, w); !strings.Contains(reason, bad[1]) {
				t.Errorf("%s, %s: %q does not say %q", k, what, reason, bad[1])
			}
		}
		w := p.send(k.step, k.method, k.target, large)
		if reasonOf(t, k, "10 MB", w); w.Code != 413 {
			t.Errorf("%s, 10 MB: %d %s", k, w.Code, w.Body)
		}
		if after := belongings(p); after != before {
			t.Errorf("%s: something was done\nbefore:\n%s\nafter:\n%s", k, before, after)
		}
	}
}

// A call of Grove's own that takes nothing does nothing when something comes: whoever
// sends it means something by it.
func TestCallsThatTakeNothingRefuseSomething(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.tell(beginning, nil)
	var doc struct {
		Paths map[string]map[string]struct{ RequestBody *struct{} }
	}
	if err := json.Unmarshal(p.Ask("GET", "/openapi.json", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	before, found := belongings(p), 0
	for _, route := range p.Routes() {
		operation := doc.Paths[route.Path][strings.ToLower(route.Method)]
		if !strings.HasPrefix(route.Path, own) || route.Method == "GET" || route.Open || route.Bridge || route.Streams || operation.RequestBody != nil {
			continue
		}
		found++
		for body, says := range map[string]string{`{"more":1,"again":2}`: "again, more", `{"mo`: "no body", `[]`: "no body", `{}{}`: "no body", "more=1": "no body"} {
			w := p.send(step{}, route.Method, address(route), body)
			if reason := reasonOf(t, taker{method: route.Method, target: route.Path}, body, w); w.Code != 400 || !strings.Contains(reason, says) {
				t.Errorf("%s %s with %s: %d %s", route.Method, route.Path, body, w.Code, w.Body)
			}
		}
	}
	if after := belongings(p); found < 15 || after != before {
		t.Errorf("%d calls; something was done\nbefore:\n%s\nafter:\n%s", found, before, after)
	}
	for _, nothing := range []string{"", "{}", " { }\n", "null"} {
		if w := p.send(step{}, "POST", own+"/clock/confirm", nothing); w.Code != 200 {
			t.Errorf("with %q: %d %s", nothing, w.Code, w.Body)
		}
	}
}

// A client that sends all it has before it looks for an answer, as most do, must get
// one: a line that breaks says nothing.
func TestWhoSendsTooMuchIsToldSoOverTheLine(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	server := httptest.NewServer(h)
	defer server.Close()
	up := resttest.Call[cloudapi.Upload](t, h, 200, "POST", iot+"/user/upload", `{"filename":"a.gcode","size":10}`)
	link, err := url.Parse(up.UploadURL)
	if err != nil {
		t.Fatal(err)
	}
	const login, known, chunks = "POST /v1/user-service/user/login", "Content-Length: 10485760", "Transfer-Encoding: chunked"
	for name, c := range map[string]struct {
		ask, length string
		status      int
	}{
		"of a known length":          {login, known, http.StatusRequestEntityTooLarge},
		"in chunks":                  {login, chunks, http.StatusRequestEntityTooLarge},
		"and says not who":           {"PUT /v1/user-service/my/profile", known, http.StatusUnauthorized},
		"to no path":                 {"POST /v1/nothing", known, http.StatusNotFound},
		"to a link that is none":     {"PUT /u/f_none?Expires=1&Signature=00", known, http.StatusForbidden},
		"to a link for another file": {"PUT " + link.RequestURI(), known, http.StatusBadRequest},
		"there in chunks":            {"PUT " + link.RequestURI(), chunks, http.StatusBadRequest},
	} {
		body := strings.Repeat("a", 10<<20)
		if c.length == chunks {
			body = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		}
		if status, err := sendAll(t, server.Listener.Addr().String(), c.ask+" HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"+c.length+"\r\n\r\n"+body); err != nil || status != c.status {
			t.Errorf("%s: %d, %v", name, status, err)
		}
	}
}

// sendAll sends a request whole, and only then looks for the answer.
func sendAll(t *testing.T, address, request string) (status int, err error) {
	t.Helper()
	var d net.Dialer
	line, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		return 0, err
	}
	defer line.Close()
	if _, err := io.WriteString(line, request); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(bufio.NewReader(line), nil)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// reasonOf is the reason of an error that is complete.
func reasonOf(t *testing.T, k taker, what string, w *httptest.ResponseRecorder) string {
	t.Helper()
	var e struct {
		Message string
		Details struct{ Reason string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Message == "" || e.Details.Reason == "" {
		t.Errorf("%s, %s: %d %s", k, what, w.Code, w.Body)
	}
	return e.Details.Reason
}

// TestTheVendorsPathsTakeWhatTheyDoNotKnow: also numbers as text where a client
// sends them so.
func TestTheVendorsPathsTakeWhatTheyDoNotKnow(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.tell(beginning, nil)
	asText := 0
	for _, k := range takers(t, p) {
		if k.own {
			continue
		}
		bodies := map[string]string{"an unknown field": k.with("more", `{"and":[1]}`)}
		for name, s := range k.fields {
			if len(s.OneOf) > 0 {
				asText++
				bodies["text for the number "+name] = k.with(name, `"1"`)
				bodies["no text for the number "+name] = k.with(name, `""`)
			}
		}
		for what, body := range bodies {
			w := p.send(k.step, k.method, k.target, body)
			if w.Code == 400 && (strings.Contains(w.Body.String(), "mismatch") || strings.Contains(w.Body.String(), "more")) || w.Code >= 500 {
				t.Errorf("%s, %s: %d %s", k, what, w.Code, w.Body)
			}
		}
	}
	if asText < 8 {
		t.Errorf("only %d numbers may come as text", asText)
	}
}

// odd are values that a database or a library may choke on.
var odd = []string{
	`"\u0000"`, `"\ud800"`, `"` + strings.Repeat("é", 5_000) + `"`, `""`, `"../../etc/passwd"`, "0", "-1", "1.5", "1e308", "2147483648", "9223372036854775807",
	"9223372036854775808", `"-9223372036854775808"`, "null", "true", "[]", "{}", `[null]`, `["\u0000"]`, `[{}]`, `{"a":"\u0000"}`, `"294277-01-01T00:00:00Z"`,
}

// TestOddValuesAreNobodysFault sends odd values in every field of every body to a
// house on either database.
func TestOddValuesAreNobodysFault(t *testing.T) {
	t.Parallel()
	storetest.Each(t, os.Getenv, func(t *testing.T, db *store.DB) {
		p := playIn(t, resttest.On(t, db, "off"))
		p.tell(beginning, nil)
		all, owners := takers(t, p), map[string]string{}
		for i, k := range all { // before failures slow sign-ins down
			owners[k.target] = p.names["ann"]
			if strings.Contains(k.target, "/users/me/") || strings.HasSuffix(k.target, "/logout") { // who may lose their password or session
				owners[k.target] = p.SignIn(t, fmt.Sprintf("owner%d@grove.local", i), grove.Owner)
			}
		}
		for _, k := range all {
			p.names["ann"] = owners[k.target]
			for name := range k.fields {
				for _, value := range odd {
					if w := p.send(k.step, k.method, k.target, k.with(name, value)); w.Code >= 500 {
						t.Errorf("%s, %s: %.60s: %d %s", k, name, value, w.Code, w.Body)
					}
				}
			}
		}
	})
}
