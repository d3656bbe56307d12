package rest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove/internal/rest/resttest"
)

var update = flag.Bool("update", false, "rewrite the examples")

// example is an entry of examples.json.
type example struct {
	Params map[string]json.RawMessage `json:"params,omitempty"`
	Body   json.RawMessage            `json:"body,omitempty"`
	Status int                        `json:"status"`
	Answer json.RawMessage            `json:"answer,omitempty"`
}

// changing is what differs from run to run, and what stands for it in examples.
var changing = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`\b([a-z]+_)0[01][0-9a-hjkmnp-tv-z]{24}\b`), "${1}01jtx5m0c8q4s6v2w9y3z7b1d5"},
	{regexp.MustCompile(`\b(t_|invitation=)[a-z2-7]{26}\b`), "${1}mfrggzdfmztwq2lknnwg23tpob"},
	{regexp.MustCompile(`"(ticket|pincode|tfaKey|token|request_id)": "[a-z2-7]{26}"`), `"$1": "mfrggzdfmztwq2lknnwg23tpob"`},
	{regexp.MustCompile(`"(pin|pincode)": "[A-Z2-7]{6}"`), `"$1": "MFRGGZ"`},
	{regexp.MustCompile(`\b(share_|grove_|grove_bridge_)[a-z2-7]{52}\b`), "${1}mfrggzdfmztwq2lknnwg23tpobyxe43uov3ho6dzpiydcmrtgq2t"},
	{regexp.MustCompile(`"device_secret": "[A-Z2-7]{52}"`), `"device_secret": "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO6DZPIYDCMRTGQ2T"`},
	{regexp.MustCompile(`"whsec_[^"]+"`), `"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="`},
	{regexp.MustCompile(`"qr": "[01\\n]+"`), `"qr": "111111101…\n100000101…\n…"`},
	{regexp.MustCompile(`(secret=|"secret": ")[A-Z2-7]{32}`), "${1}MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U"},
	{regexp.MustCompile(`"((?:tfaC|c)ode)": "\d{6}"`), `"$1": "123456"`},
	{regexp.MustCompile(`code is \d{6}`), "code is 123456"},
	{regexp.MustCompile(`"[0-9A-Z]{5}-[0-9A-Z]{5}"`), `"7B3DT-PV4PS"`},
	{regexp.MustCompile(`"[a-z2-7]{5}-[a-z2-7]{5}"`), `"mfrgg-zdfmz"`},
	{regexp.MustCompile(`\b(P[FPM]US|US)[0-9a-f]{14}\b`), "${1}0a1b2c3d4e5f60"},
	{regexp.MustCompile(`(Signature=|"Signature": ")[0-9a-f]{64}`), "${1}6f1ed002ab5595859014ebf0951522d9c3a5a2d1d27b4a3e8f6c9b0d1e2f3a4b"},
	{regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`), "eyJhbGciOiJSUzI1NiJ9.eyJ1c2VybmFtZSI6InVfMTAwMDAwMSJ9.c2lnbmF0dXJl"},
}

// describing is what the description says of operations, as far as examples need it.
type describing struct {
	Paths map[string]map[string]struct {
		OperationID string
		RequestBody struct {
			Content map[string]json.RawMessage
		}
		Responses  map[string]struct{ Content map[string]json.RawMessage }
		Parameters []struct {
			Name, In string
			Schema   struct{ Type any }
		}
	}
}

func described(t testing.TB, h *resttest.House) describing {
	t.Helper()
	var d describing
	if err := json.Unmarshal(h.Ask("GET", "/openapi.json", "").Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// find is the path of the description that a target is an address of, with what
// stands in its braces.
func (d describing) find(method, target string) (path string, in map[string]string) {
	parts := strings.Split(target, "/")
	for candidate, operations := range d.Paths {
		if _, ok := operations[strings.ToLower(method)]; !ok {
			continue
		}
		want, values := strings.Split(candidate, "/"), map[string]string{}
		if len(want) != len(parts) {
			continue
		}
		fits := true
		for i, part := range want {
			if strings.HasPrefix(part, "{") {
				values[strings.Trim(part, "{}")] = parts[i]
			} else if part != parts[i] {
				fits = false
			}
		}
		if fits && (path == "" || len(values) < len(in)) {
			path, in = candidate, values
		}
	}
	return path, in
}

// typed is a text of an address as the JSON that its parameter is described as.
func typed(text string, kind any) json.RawMessage {
	if kind == "integer" || kind == "boolean" {
		return json.RawMessage(text)
	}
	var v any = text
	if list, ok := kind.([]any); ok && len(list) > 0 && list[0] == "array" || kind == "array" {
		v = strings.Split(text, ",")
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// recorder makes examples of what is asked and answered.
type recorder struct {
	t        *testing.T
	doc      describing
	examples map[string]example
}

func (r *recorder) hear(_ step, method, target, body string, w *httptest.ResponseRecorder) {
	u, err := url.Parse(target)
	if err != nil {
		r.t.Fatal(err)
	}
	path, params := r.doc.find(method, u.Path)
	o := r.doc.Paths[path][strings.ToLower(method)]
	if _, ok := r.examples[o.OperationID]; ok || path == "" {
		return
	}
	for name, values := range u.Query() {
		params[name] = values[0]
	}
	e := example{Status: w.Code, Params: map[string]json.RawMessage{}}
	for _, p := range o.Parameters {
		if value, ok := params[p.Name]; ok {
			e.Params[p.Name] = typed(value, p.Schema.Type)
		}
	}
	if o.RequestBody.Content["application/json"] != nil {
		e.Body = json.RawMessage(body)
	}
	if w.Header().Get("Content-Type") == "application/json" && w.Body.Len() > 0 && path != "/openapi.json" {
		e.Answer = w.Body.Bytes()
	}
	r.examples[o.OperationID] = e
}

// hearStory tells the whole story to a house and gives what was asked and answered,
// the first time of each operation.
func hearStory(t *testing.T) map[string]example {
	t.Helper()
	p := newPlay(t)
	r := &recorder{t, described(t, p.House), map[string]example{}}
	for _, part := range [][]step{beginning, middle, end} {
		p.tell(part, r.hear)
	}
	for path, operations := range r.doc.Paths {
		for method, o := range operations {
			e, ok := r.examples[o.OperationID]
			if !ok && !strings.HasSuffix(path, "stream.mjpg") && !strings.HasSuffix(path, "/tunnel") && path != "/sign-in" {
				t.Errorf("%s %s is in no step of the story: add one", method, path)
			}
			if o.Responses[strconv.Itoa(e.Status)].Content["application/json"] != nil && e.Answer == nil && path != "/openapi.json" {
				t.Errorf("%s %s: no answer", method, path)
			}
		}
	}
	return r.examples
}

// TestTheExamplesAreWhatIsAnswered holds the examples of the description to what a
// house is asked and answers. With -update that becomes the examples.
func TestTheExamplesAreWhatIsAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { checkExamples(t, hearStory(t)) })
}

func checkExamples(t *testing.T, all map[string]example) {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(all); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	for _, c := range changing {
		got = c.pattern.ReplaceAllString(got, c.instead)
	}
	if *update {
		if err := os.WriteFile("examples.json", []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("examples.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the examples are not what is asked and answered; look at the difference and run the test with -update (-want +got):\n%s", diff)
	}
}
