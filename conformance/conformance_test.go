package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
)

func play(t *testing.T, f *fake, only ...string) Report {
	t.Helper()
	r, err := Run(t.Context(), Config{URL: f.URL, Account: "ann@example.org", Password: "right", TOTP: "JBSWY3DPEHPK3PXP", PIN: fakePIN, Only: only, file: []byte("a print")})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func failing(r Report) []string {
	var all []string
	for _, one := range r.Results {
		if one.Status == Fails {
			all = append(all, one.Client+" "+one.Step)
		}
	}
	return all
}

func TestACloudAsTheFactsHaveItConforms(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	r := play(t, f)
	var table bytes.Buffer
	if err := r.Table(&table); err != nil {
		t.Fatal(err)
	}
	if !r.OK() {
		t.Error(table.String())
	}
	for _, one := range r.Results {
		if one.Status == Skipped && !slices.Contains([]string{
			"no MQTT broker was given with --mqtt", "it starts a print, which needs --print", "nothing was printed",
			"the account signs in with a password alone, which this client can't",
		}, one.Reason) {
			t.Errorf("%s %s was skipped: %s", one.Client, one.Step, one.Reason)
		}
	}
	if len(f.presets) != 0 || len(f.spools) != 0 {
		t.Errorf("left behind: presets %v, spools %v", f.presets, f.spools)
	}
	if got := len(r.Clients); got != 13 {
		t.Errorf("%d clients were played", got)
	}
}

// set changes one field of an answer, or of each entry of a list in it.
func set(path string, value any) func(*reply) {
	return func(r *reply) { r.body = changed(r.body, strings.Split(path, "."), value) }
}

// changed works on a copy, since answers share what they are made of.
func changed(v any, path []string, value any) any {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var whole any
	_ = json.Unmarshal(raw, &whole)
	write(whole, path, value)
	return whole
}

func write(v any, path []string, value any) {
	m, ok := v.(obj)
	if !ok {
		return
	}
	name, all := strings.CutSuffix(path[0], "[]")
	switch {
	case all:
		for _, one := range m[name].([]any) {
			write(one, path[1:], value)
		}
	case len(path) > 1:
		write(m[name], path[1:], value)
	case value == nil:
		delete(m, name)
	default:
		m[name] = value
	}
}

// null is JSON's, where nil takes a field away.
var null = json.RawMessage("null")

// wrapped moves all fields under data, as the documentation would have it.
func wrapped(r *reply) { r.body = obj{"code": 0, "message": "Success", "data": r.body} }

func answers(status int, body any) func(*reply) {
	return func(r *reply) { r.status, r.body = status, body }
}

// What is known to break each client breaks the steps of that client, and no
// others.
func TestWhatBreaksAClientFailsItsStep(t *testing.T) {
	t.Parallel()
	const preference = "GET /v1/design-user-service/my/preference"
	for name, c := range map[string]struct {
		client, at string
		spoil      func(*reply)
		fails      []string
	}{
		"OBN: a PIN of no printer":               {"OBN", "POST /v1/user-service/my/pincode/{pin}", set("deviceId", ""), []string{"binds a printer by its PIN"}},
		"COE: a login without success":           {"COE", login, set("success", nil), []string{"signs in with a password"}},
		"COE: an empty answer":                   {"COE", bind, answers(204, ""), []string{"lists printers"}},
		"COE: no JSON":                           {"COE", "GET /v1/user-service/my/profile", answers(200, "<html>"), []string{"tests its token"}},
		"COE: an upload that is not listed":      {"COE", "GET " + iot + "/user/project", set("projects[].name", "other"), []string{"finds the file among the projects"}},
		"COE: an odd answer for the camera":      {"COE", "GET " + iot + "/user/device/{id}/video", answers(500, obj{}), []string{"looks for a video"}},
		"HA: an enveloped login":                 {"HA", login, wrapped, []string{"signs in with a password", "is told of a wrong password"}},
		"HA: enveloped printers":                 {"HA", bind, wrapped, []string{"lists printers"}},
		"HA: a token it can't decode":            {"HA", login, set("accessToken", "e30.eyJ1c2VybmFtZSI6InVfMT8-In0.c2ln"), []string{"reads the user from the token", "asks for its user id", "lists printers", "reads custom filaments", "reads the latest print"}},
		"HA: a refusal with cloudflare":          {"HA", login, set("message", "Cloudflare says no"), []string{"is told of a wrong password"}},
		"HA: a string code":                      {"HA", login, set("code", "2"), []string{"is told of a wrong password"}},
		"HA: null filament fields":               {"HA", presets, set("filament.private[].filament_vendor", null), []string{"reads custom filaments"}},
		"HA: one nozzle temperature":             {"HA", presets, set("filament.private[].nozzle_temperature", []string{"200"}), []string{"reads custom filaments"}},
		"HA: a picture that wants a token":       {"HA", "GET /cover", answers(401, obj{}), []string{"loads a print's picture"}},
		"HA: no length":                          {"HA", tasks, set("hits[].length", nil), []string{"reads the latest print"}},
		"BBD: a 401 without the words":           {"BBD", preference, set("message", "Unauthorized"), []string{"sees that its session has ended"}},
		"BBD: firmware without data":             {"BBD", "GET " + iot + "/user/device/version", set("data", nil), []string{"asks for firmware"}},
		"BBD: a key beside a token":              {"BBD", login, set("tfaKey", "k"), []string{"signs in with a password"}},
		"BBD: no form cookie":                    {"BBD", "GET /api/csrf", func(r *reply) { r.header.Del("Set-Cookie") }, []string{"fetches a form token"}},
		"BBD: 404 for a preset":                  {"BBD", "GET " + iot + "/slicer/setting/{id}", func(r *reply) { r.status = max(r.status, 404) }, []string{"reads a preset", "finds a preset gone", "misses a preset"}},
		"TGO: a string code":                     {"TGO", bind, set("code", "0"), []string{"lists printers"}},
		"TGO: an error object":                   {"TGO", bind, set("error", obj{}), []string{"lists printers"}},
		"TGO: a status in words":                 {"TGO", tasks, set("hits[].status", "failed"), []string{"lists prints"}},
		"TGO: an id as a string":                 {"TGO", tasks, set("hits[].id", "7"), []string{"lists prints"}},
		"TGO: a broken number":                   {"TGO", tasks, set("hits[].costTime", 10.5), []string{"lists prints"}},
		"TGO: an object for total":               {"TGO", tasks, set("total", obj{"value": 1}), []string{"lists prints"}},
		"TGO: a string uid":                      {"TGO", preference, set("uid", "1000001"), []string{"asks for its user id"}},
		"OBN: a ticket login without a key":      {"OBN", "POST /v1/user-service/user/ticket/{ticket}", set("tfaKey", nil), []string{"turns the ticket into a session"}},
		"OBN: Success with a capital":            {"OBN", "GET " + iot + "/user/notification", set("message", "Success"), []string{"waits for the upload"}},
		"OBN: a number for an id":                {"OBN", "POST " + iot + "/user/project", set("project_id", 1), []string{"makes a project"}},
		"OBN: 401 for a project":                 {"OBN", "GET " + iot + "/user/project/{id}", answers(401, obj{"code": 4}), []string{"stays signed in when a project is not there"}},
		"OBN: a dialog":                          {"OBN", "GET " + iot + "/user/applications/{id}/cert", answers(400, obj{"code": 101}), []string{"has no certificate to fetch"}},
		"OBN: a line end in the access code":     {"OBN", bind, set("devices[].dev_access_code", "12345678\n"), []string{"lists printers"}},
		"OBN: a logout that talks":               {"OBN", "POST /v1/user-service/my/logout", answers(200, obj{}), []string{"signs out"}},
		"OBN: a cookie for elsewhere":            {"OBN", "GET /api/sign-in/ticket", func(r *reply) { r.header.Set("Set-Cookie", "token=x; Domain=bambulab.com") }, []string{"signs the browser in"}},
		"OBN: no renewal":                        {"OBN", "POST /v1/user-service/user/refreshtoken", answers(401, obj{"code": 4}), []string{"renews its session"}},
		"HA: no text messages":                   {"HA", "POST /v1/user-service/user/sendsmscode", answers(404, obj{}), []string{"asks for a code by text message"}},
		"OE: 401 for a wrong password":           {"OE", login, func(r *reply) { r.status = map[int]int{400: 401}[r.status] }, []string{"is told of a wrong password"}},
		"OE: no user in projects":                {"OE", "GET " + iot + "/user/project", set("projects[].user_id", nil), []string{"reads its user from a project"}},
		"OH: an error without a text":            {"OH", login, set("error", 2), []string{"is told of a wrong password"}},
		"FAB: a profile that is no number":       {"FAB", "POST " + iot + "/user/project", set("profile_id", "p1"), []string{"makes a project"}},
		"FAB: an upload that is refused":         {"FAB", "PUT /put/{id}", answers(403, ""), []string{"uploads the settings"}},
		"BSY: a nozzle in words":                 {"BSY", bind, set("devices[].nozzle_diameter", "0.4"), []string{"lists printers"}},
		"BSY: no favourites":                     {"BSY", "GET /v1/design-service/favorites/designs/{uid}", answers(404, obj{}), []string{"counts favourites"}},
		"MCP: no cookie":                         {"MCP", "GET /v1/user-service/my/profile", answers(401, obj{"code": 4}), []string{"asks who it is", "asks who it is with a cookie"}},
		"NET: an opaque token":                   {"NET", login, set("accessToken", "AAopaque"), []string{"reads the user from the token", "lists printers", "lists prints"}},
		"SPEC: confirm gives another file":       {"SPEC", "POST " + iot + "/user/upload/confirm", set("data.file_id", "f2"), []string{"confirms the upload"}},
		"SPEC: no pages":                         {"SPEC", "GET " + iot + "/user/files", set("pagination", nil), []string{"pages through its files"}},
		"SPEC: a printer of nobody is forbidden": {"SPEC", "GET " + iot + "/user/device/info", func(r *reply) { r.status = map[int]int{404: 403}[r.status] }, []string{"asks for a printer of nobody"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, map[string]func(*reply){c.at: c.spoil})
			only := []string{c.client}
			if c.client == "BSY" || c.client == "MCP" { // which have no login of their own
				only = append(only, "TGO")
			}
			var got []string
			for _, step := range failing(play(t, f, only...)) {
				if rest, own := strings.CutPrefix(step, c.client+" "); own {
					got = append(got, rest)
				}
			}
			if diff := cmp.Diff(c.fails, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The account has an authenticator: each client reads its token in its own place.
func TestTheSecondFactor(t *testing.T) {
	t.Parallel()
	const at = "POST /api/sign-in/tfa"
	cookie := func(c string) func(*reply) { return func(r *reply) { r.header.Set("Set-Cookie", c) } }
	for name, c := range map[string]struct {
		client string
		at     string
		spoil  func(*reply)
		fails  []string
	}{
		"HA is let in":               {"HA", "", nil, nil},
		"FAB is let in":              {"FAB", "", nil, nil},
		"BBD is let in":              {"BBD", "", nil, nil},
		"COE is let in":              {"COE", "", nil, nil},
		"HA without the cookie":      {"HA", at, func(r *reply) { r.header.Del("Set-Cookie") }, []string{"HA signs in with an authenticator"}},
		"HA, a cookie for elsewhere": {"HA", at, cookie("token=" + fakeToken + "; Domain=bambulab.com"), []string{"HA signs in with an authenticator"}},
		"BBD, an empty body":         {"BBD", at, func(r *reply) { r.body = "" }, []string{"BBD signs in with an authenticator"}},
		"FAB, no token in the body":  {"FAB", "POST /v1/user-service/user/tfa", set("accessToken", nil), []string{"FAB signs in with an authenticator"}},
		"TGO has no means":           {"TGO", "", nil, nil},
		"a key is missing":           {"HA", login, set("tfaKey", ""), []string{"HA signs in with a password"}},
		"a token before the code":    {"TGO", login, set("accessToken", fakeToken), []string{"TGO signs in with a password"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, map[string]func(*reply){c.at: c.spoil})
			f.mode = "tfa"
			r := play(t, f, c.client)
			if diff := cmp.Diff(c.fails, failing(r)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnAccountThatWantsACodeIsSkipped(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	f.mode = "verifyCode"
	r := play(t, f)
	if got := failing(r); len(got) > 0 {
		t.Errorf("fails: %q", got)
	}
	reasons := map[string]int{}
	for _, one := range r.Results {
		reasons[one.Reason]++
	}
	if reasons[withCode+", which this run can't read"] == 0 || reasons["nobody could sign in"] == 0 {
		t.Errorf("reasons %v", reasons)
	}
}

// Where codes can be read, each client that can give one signs in with it.
func TestAnAccountThatWantsACodeGetsIt(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	f.mode, f.code = "verifyCode", "123456"
	r, err := Run(t.Context(), Config{URL: f.URL, Account: "ann@example.org", Password: "right", file: []byte("a print"), Code: func(context.Context) (string, error) { return "123456", nil }})
	if err != nil {
		t.Fatal(err)
	}
	if got := failing(r); len(got) > 0 {
		t.Errorf("fails: %q", got)
	}
	let := map[string]bool{}
	for _, one := range r.Results {
		let[one.Client] = let[one.Client] || (one.Step == "signs in with a code" && one.Status == Holds)
	}
	for _, name := range []string{"FAB", "COE", "HA", "BBD", "OBN", "TGO", "OE", "OH", "SPEC"} {
		if !let[name] {
			t.Errorf("%s did not get in", name)
		}
	}
}

// What one run could not try another may have.
func TestRunsAreReadTogether(t *testing.T) {
	t.Parallel()
	run := func(clients []Client, results ...Result) Report {
		return Report{Server: "x", Clients: clients, Results: results}
	}
	step := func(client, name string, s Status) Result {
		return Result{Client: client, Step: name, Endpoint: login, Status: s}
	}
	all := Clients()
	got := run(all[1:3], step("COE", "a", Skipped), step("COE", "b", Holds), step("COE", "c", Fails), step("HA", "d", Skipped)).With(
		run(all[1:2], step("COE", "a", Holds), step("COE", "b", Fails), step("COE", "c", Holds)),
		run(all[:1], step("FAB", "e", Skipped), step("FAB", "e", Holds)))
	want := []Result{
		step("COE", "a", Holds), step("COE", "b", Fails), step("COE", "c", Fails), step("HA", "d", Skipped), step("FAB", "e", Holds),
	}
	if diff := cmp.Diff(want, got.Results); diff != "" {
		t.Error(diff)
	}
	var names []string
	for _, c := range got.Clients {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"FAB", "COE", "HA"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestAServerThatIsNotThereIsAnErrorAndNoReport(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	f.Close()
	_, err := Run(t.Context(), Config{URL: f.URL, Account: "a", Password: "p"})
	if !errors.Is(err, grove.Unavailable) {
		t.Errorf("got %v", err)
	}
	for _, c := range []Config{{URL: "cloud", Account: "a", Password: "p"}, {URL: f.URL}, {URL: f.URL, Account: "a", Password: "p", Only: []string{"NOBODY"}}, {URL: f.URL, Account: "a", Password: "p", CA: []byte("x")}} {
		if _, err := Run(t.Context(), c); !errors.Is(err, grove.Invalid) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}

func TestNoSecretIsShown(t *testing.T) {
	t.Parallel()
	f := newFake(t, map[string]func(*reply){
		login: set("success", nil), bind: set("devices[].name", 1), "POST /v1/user-service/user/ticket/{ticket}": set("loginType", nil),
	})
	raw, err := json.Marshal(play(t, f, "COE", "OBN"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{fakeToken, "right", "12345678", "second"} {
		if bytes.Contains(raw, []byte(secret)) {
			t.Errorf("the report shows %q", secret)
		}
	}
}

func TestReportsAreWaitedForAndRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		says []string
		want string
	}{
		"nothing comes":    {nil, "no print.push_status came"},
		"something else":   {[]string{`{"print":{"command":"pushall"}}`, `nonsense`}, "no print.push_status came"},
		"the wrong type":   {[]string{`{"print":{"command":"push_status","gcode_state":"IDLE","mc_percent":"3","nozzle_temper":25.5}}`}, "mc_percent must be an integer"},
		"all that is read": {[]string{`{"print":{"command":"push_status","gcode_state":"IDLE","mc_percent":3,"nozzle_temper":25.5}}`}, ""},
		"a part, then all": {[]string{`{"print":{"command":"push_status"}}`, `{"print":{"command":"push_status","gcode_state":"IDLE","mc_percent":3,"nozzle_temper":25.5}}`}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				reports := make(chan []byte, 8)
				for _, one := range c.says {
					reports <- []byte(one)
				}
				start := time.Now()
				got := (&suite{ctx: t.Context()}).hear(request{wants: pushed}, reports)
				if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
					t.Errorf("got %q, want %q", got, c.want)
				}
				if waited := time.Since(start); got != "" && waited != reportsWithin {
					t.Errorf("it waited %s", waited)
				}
			})
		})
	}
}

func TestALimitThatAsksForPatienceGetsIt(t *testing.T) {
	t.Parallel()
	first := true
	f := newFake(t, map[string]func(*reply){bind: func(r *reply) {
		if first {
			first = false
			r.status, r.body = 429, obj{}
			r.header.Set("Retry-After", "0")
		}
	}})
	if got := failing(play(t, f, "TGO")); len(got) > 0 {
		t.Errorf("fails: %q", got)
	}
	f = newFake(t, map[string]func(*reply){bind: func(r *reply) {
		r.status, r.body = 429, obj{}
		r.header = http.Header{"Retry-After": {"3600"}}
	}})
	if diff := cmp.Diff([]string{"TGO lists printers"}, failing(play(t, f, "TGO"))); diff != "" {
		t.Error(diff)
	}
}

// The codes of RFC 6238, appendix B, cut to six digits.
func TestAuthenticatorCodes(t *testing.T) {
	t.Parallel()
	key := []byte("12345678901234567890")
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 2000000000: "279037"} {
		if got := codeAt(key, time.Unix(at, 0)); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

func TestThePageTellsEndpointsAndClients(t *testing.T) {
	t.Parallel()
	r := Report{Clients: []Client{{Name: "A", Full: "the first"}, {Name: "B", Full: "the second"}}, Results: []Result{
		{Client: "A", Step: "asks", Endpoint: "GET /x", Status: Holds},
		{Client: "A", Step: "asks again", Endpoint: "GET /x", Status: Skipped, Reason: "no time"},
		{Client: "B", Step: "asks", Endpoint: "GET /x", Status: Fails, Got: "secret 17:30"},
		{Client: "B", Step: "tells", Endpoint: "POST /a", Status: Holds},
	}}
	var b strings.Builder
	if err := r.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| POST | `/a` |  | holds |\n| GET | `/x` | partly | fails |", "| A | the first | 1 | 0 | 1 |", "- B asks (`/x`)\n", "- A asks again (`/x`): no time",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "17:30") {
		t.Error("the page tells what differs from run to run")
	}
}
