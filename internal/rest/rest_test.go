package rest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

type echoInput struct{ Body echoBody }

type echoBody struct {
	Name  string       `json:"name"`
	Count cloudapi.Int `json:"count,omitempty"`
}

type echoed struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
	Who   int64  `json:"who"`
}

// withEcho mounts a strict and a lenient operation, and ones that fail.
func withEcho(t *testing.T, limits string) *resttest.House {
	h := resttest.New(t, limits)
	echo := func(ctx context.Context, in *echoInput) (echoed, error) {
		return echoed{in.Body.Name, int64(in.Body.Count), rest.Actor(ctx).UserID}, nil
	}
	op := func(path string, lenient bool) rest.Op {
		return rest.Op{Route: rest.Route{Method: http.MethodPost, Path: path, Lenient: lenient}, Tag: "t", Summary: "s", Strict: !lenient}
	}
	rest.Handle(h.Router, op("/v1/strict", false), echo)
	rest.Handle(h.Router, op("/v1/lenient", true), func(ctx context.Context, in *struct {
		Body *struct {
			Name  string       `json:"name"`
			Count cloudapi.Int `json:"count"`
			Size  int          `json:"size"`
		}
	},
	) (echoed, error) {
		if in.Body == nil {
			return echoed{}, nil
		}
		return echoed{in.Body.Name, int64(in.Body.Count), rest.Actor(ctx).UserID}, nil
	})
	get := func(path string) rest.Op {
		return rest.Op{Route: rest.Route{Method: http.MethodGet, Path: path}, Tag: "t", Summary: "s"}
	}
	rest.Handle(h.Router, get("/v1/panic"), func(context.Context, *struct{}) (echoed, error) { panic("the plumbing's own secret") })
	rest.Handle(h.Router, get("/v1/fault"), func(context.Context, *struct{}) (echoed, error) { return echoed{}, errors.New("driver: secret") })
	rest.Handle(h.Router, get("/v1/print-failed"), func(context.Context, *struct{}) (echoed, error) {
		return echoed{}, grove.Errorf(grove.Invalid, grove.ReasonPrintFailed, "the file holds no plate")
	})
	rest.Handle(h.Router, get("/v1/list"), func(_ context.Context, in *struct{ rest.Paging }) (grove.Page, error) { return in.Want(), nil })
	rest.Handle(h.Router, get("/v1/all"), func(_ context.Context, in *struct{ rest.VendorPaging }) (grove.Page, error) { return in.WantAll(), nil })
	rest.Handle(h.Router, get("/v1/status/{serial}"), func(ctx context.Context, in *struct {
		Serial string `path:"serial"`
	},
	) (rest.Empty, error) {
		return rest.Empty{}, rest.CountStatus(ctx, in.Serial)
	})
	free := get("/v1/free")
	free.Uncounted = rest.Always
	rest.Handle(h.Router, free, func(context.Context, *struct{}) (rest.Empty, error) { return rest.Empty{}, nil })
	return h
}

func TestEveryMistakeIsToldInTheEnvelope(t *testing.T) {
	t.Parallel()
	h := withEcho(t, "off")
	tests := []struct {
		name                 string
		method, target, body string
		headers              []string
		status, code         int
		reason               string // a part of it
	}{
		{"no such path", "GET", "/v1/nothing", "", nil, 404, 404, "/v1/nothing"},
		{"no such path without a credential", "GET", "/v1/nothing", "", []string{"Authorization", ""}, 404, 404, "nothing at"},
		{"wrong method", "PUT", "/v1/strict", "{}", nil, 405, 405, "possible there: POST"},
		{"no credential", "POST", "/v1/strict", "{}", []string{"Authorization", ""}, 401, 401, "access token"},
		{"blank credential", "POST", "/v1/strict", "{}", []string{"Authorization", "Bearer  "}, 401, 1001, "Bearer"},
		{"other scheme", "POST", "/v1/strict", "{}", []string{"Authorization", "Basic abc"}, 401, 1001, "Bearer"},
		{"made-up token", "POST", "/v1/strict", "{}", []string{"Authorization", "Bearer a.b.c"}, 401, 1001, ""},
		{"bad JSON", "POST", "/v1/strict", `{"name":`, nil, 400, 400, "not JSON"},
		{"bad JSON, lenient", "POST", "/v1/lenient", `{"name":`, nil, 400, 400, "not JSON"},
		{"wrong type", "POST", "/v1/strict", `{"name":5}`, nil, 400, 400, "name: expected string"},
		{"wrong type, lenient", "POST", "/v1/lenient", `{"size":"big"}`, nil, 400, 400, "size: type mismatch, it must be a whole number"},
		{"word for a number, lenient", "POST", "/v1/lenient", `{"count":"many"}`, nil, 400, 400, "count: type mismatch, it must be a whole number"},
		{"missing field", "POST", "/v1/strict", `{}`, nil, 400, 400, "name"},
		{"no body", "POST", "/v1/strict", ``, nil, 400, 400, "body is required"},
		{"unknown field", "POST", "/v1/strict", `{"name":"a","colour":"b"}`, nil, 400, 400, "colour"},
		{"not JSON", "POST", "/v1/strict", "name=a", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, 415, "send JSON"},
		{"no type", "POST", "/v1/strict", `{"name":"a"}`, []string{"Content-Type", ""}, 415, 415, "send JSON"},
		{"not JSON, lenient", "POST", "/v1/lenient", "<a/>", []string{"Content-Type", "text/xml"}, 415, 415, "send JSON"},
		{"too large", "POST", "/v1/strict", `{"name":"` + strings.Repeat("a", rest.MaxBody) + `"}`, nil, 413, 413, "at most"},
		{"panic", "GET", "/v1/panic", "", nil, 500, 500, "inside the server"},
		{"fault", "GET", "/v1/fault", "", nil, 500, 500, "inside the server"},
		{"a rule's own 422", "GET", "/v1/print-failed", "", nil, 422, 1005, "holds no plate"},
		{"page of letters", "GET", "/v1/list?page=one", "", nil, 400, 400, "page: invalid integer"},
		{"page 0", "GET", "/v1/list?page=0", "", nil, 400, 400, "page: expected number >= 1"},
		{"limit 101", "GET", "/v1/list?limit=101", "", nil, 400, 400, "limit: expected number <= 100"},
		{"limit 0", "GET", "/v1/list?limit=0", "", nil, 400, 400, "limit: expected number >= 1"},
		{"offset -1", "GET", "/v1/list?offset=-1", "", nil, 400, 400, "offset: expected number >= 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := h.Ask(tt.method, tt.target, tt.body, tt.headers...)
			e := resttest.Told(t, w, tt.status, tt.code)
			if !strings.Contains(e.Details.Reason, tt.reason) {
				t.Errorf("reason %q does not say %q", e.Details.Reason, tt.reason)
			}
			if strings.Contains(w.Body.String(), "secret") {
				t.Errorf("told what is inside: %s", w.Body)
			}
			if tt.status == 401 && (!strings.Contains(e.Message, "Please login") || w.Header().Get("WWW-Authenticate") == "") {
				t.Errorf("a 401 that does not ask to log in: %s", w.Body)
			}
		})
	}
}

func TestFaultsAreInTheLogAndNowhereElse(t *testing.T) {
	t.Parallel()
	h := withEcho(t, "off")
	h.Ask("GET", "/v1/panic", "")
	h.Ask("GET", "/v1/fault", "")
	for _, want := range []string{"level=ERROR msg=panic", "the plumbing's own secret", "driver: secret"} {
		if !strings.Contains(h.Log.String(), want) {
			t.Errorf("the log does not have %q", want)
		}
	}
}

func TestMistakesNeverRepeatWhatWasSent(t *testing.T) {
	t.Parallel()
	h := withEcho(t, "off")
	for _, body := range []string{`{"name":["hunter2"]}`, `{"password":"hunter2"`, `["hunter2"]`} {
		for _, path := range []string{"/v1/strict", "/v1/lenient"} {
			if w := h.Ask("POST", path, body); strings.Contains(w.Body.String(), "hunter2") {
				t.Errorf("%s %s: %s", path, body, w.Body)
			}
		}
	}
}

func TestTheWrongMethodLearnsTheRightOnes(t *testing.T) {
	t.Parallel()
	h := withEcho(t, "off")
	if got := h.Ask("DELETE", "/v1/list", "").Header().Get("Allow"); got != "GET, HEAD" {
		t.Errorf("Allow: %q", got)
	}
	if got := h.Ask("GET", "/v1/strict", "").Header().Get("Allow"); got != "POST" {
		t.Errorf("Allow: %q", got)
	}
}

func TestTwoCredentialsAreNone(t *testing.T) {
	t.Parallel()
	h := withEcho(t, "off")
	r := httptest.NewRequest("GET", "/v1/list", nil)
	r.Header.Add("Authorization", "Bearer "+h.Token)
	r.Header.Add("Authorization", "Bearer "+h.Token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	resttest.Told(t, w, 401, 1001)
}

func TestGoodRequestsReachTheirHandler(t *testing.T) {
	t.Parallel()
	h := withEcho(t, "off")
	const want = `{"name":"a","count":7,"who":1000001}`
	tests := []struct {
		name, path, body, media string
	}{
		{"strict", "/v1/strict", `{"name":"a","count":7}`, "application/json; charset=utf-8"},
		{"numbers as text", "/v1/strict", `{"name":"a","count":"7"}`, "application/json"},
		{"vendor JSON", "/v1/strict", `{"name":"a","count":7}`, "application/problem+json"},
		{"lenient without type", "/v1/lenient", `{"name":"a","count":7,"more":1}`, ""},
		{"lenient as text", "/v1/lenient", `{"name":"a","count":"7"}`, "text/plain;charset=UTF-8"},
		{"lenient nulls", "/v1/lenient", `{"name":"a","count":7,"size":null}`, "application/json"},
		{"doubled slash", "//v1//lenient", `{"name":"a","count":7}`, "application/json"},
		{"the website's prefix", "/api/v1/lenient", `{"name":"a","count":7}`, "application/json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := h.Ask("POST", tt.path, tt.body, "Content-Type", tt.media)
			if w.Code != 200 || !strings.HasPrefix(w.Body.String(), want) {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
	if w := h.Ask("POST", "/v1/lenient", ""); w.Code != 200 {
		t.Errorf("an optional body that is absent: %d %s", w.Code, w.Body)
	}
}

func TestPagingIsReadInAllItsForms(t *testing.T) {
	t.Parallel()
	h := withEcho(t, "off")
	tests := []struct{ target, want string }{
		{"/v1/list", `{"Page":1,"Limit":20,"Offset":0,"After":""}`},
		{"/v1/list?page=3&limit=100", `{"Page":3,"Limit":100,"Offset":0,"After":""}`},
		{"/v1/list?offset=40", `{"Page":1,"Limit":20,"Offset":40,"After":""}`},
		{"/v1/list?after=77&limit=1", `{"Page":1,"Limit":1,"Offset":0,"After":"77"}`},
		{"/v1/all", `{"Page":0,"Limit":0,"Offset":0,"After":""}`},
		{"/v1/all?page=1", `{"Page":1,"Limit":20,"Offset":0,"After":""}`},
	}
	for _, tt := range tests {
		if got := strings.TrimSpace(h.Ask("GET", tt.target, "").Body.String()); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.target, got, tt.want)
		}
	}
}

func TestHeadAnswersLikeGet(t *testing.T) {
	t.Parallel()
	h := withEcho(t, "off")
	server := httptest.NewServer(h)
	defer server.Close()
	for _, path := range []string{"/v1/list", "/", "/livez", "/openapi.json"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+h.Token)
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || len(body) != 0 || err != nil {
			t.Errorf("%s: %d with %d bytes, %v", path, resp.StatusCode, len(body), err)
		}
	}
}

// TestASlowHandlerKeepsItsRequest is for a trap: a read deadline that is still set
// after the body was read ends the request's context.
func TestASlowHandlerKeepsItsRequest(t *testing.T) {
	t.Parallel()
	h := withEcho(t, "off")
	var deadline bool
	rest.Handle(h.Router, rest.Op{Route: rest.Route{Method: http.MethodPost, Path: "/v1/slow"}, Tag: "t", Summary: "s"},
		func(ctx context.Context, _ *struct{ Body map[string]any }) (rest.Empty, error) {
			_, deadline = ctx.Deadline()
			return rest.Empty{}, ctx.Err()
		})
	var set []time.Time
	r := httptest.NewRequest("POST", "/v1/slow", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+h.Token)
	w := &lineRecorder{ResponseRecorder: httptest.NewRecorder(), set: &set}
	h.ServeHTTP(w, r)
	if w.Code != 200 || deadline || len(set) < 2 || set[0].IsZero() || !set[len(set)-1].IsZero() {
		t.Errorf("status %d, deadlines set: %v", w.Code, set)
	}
}

// lineRecorder notes the read deadlines that a connection would get.
type lineRecorder struct {
	*httptest.ResponseRecorder
	set *[]time.Time
}

func (l *lineRecorder) SetReadDeadline(t time.Time) error {
	*l.set = append(*l.set, t)
	return nil
}

func TestTheHourlyClassCountsExactly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := withEcho(t, "off,requests=3/h,device-status=2/min")
		for left := 2; left >= 0; left-- {
			w := h.Ask("GET", "/v1/list", "")
			if w.Code != 200 || w.Header().Get("X-RateLimit-Remaining") != strconv.Itoa(left) || w.Header().Get("X-RateLimit-Limit") != "3" {
				t.Fatalf("%d left: got %d %v", left, w.Code, w.Header())
			}
		}
		w := h.Ask("GET", "/v1/list", "")
		e := resttest.Told(t, w, 429, 429)
		if w.Header().Get("Retry-After") == "" || e.Details.RetryAfter < 1 || strconv.Itoa(e.Details.RetryAfter) != w.Header().Get("Retry-After") {
			t.Errorf("refused without a wait: %v %s", w.Header(), w.Body)
		}
		if w := h.Ask("GET", "/v1/free", ""); w.Code != 200 {
			t.Errorf("an uncounted route was refused: %d", w.Code)
		}
		if w := h.Ask("GET", "/livez", "", "Authorization", ""); w.Code != 200 {
			t.Errorf("an open route was refused: %d", w.Code)
		}
		<-time.After(time.Duration(e.Details.RetryAfter) * time.Second)
		if w := h.Ask("GET", "/v1/list", ""); w.Code != 200 {
			t.Errorf("after the wait: %d %s", w.Code, w.Body)
		}
	})
}

func TestQuestionsAboutOnePrinterCountByPrinter(t *testing.T) {
	t.Parallel()
	h := withEcho(t, "off,device-status=2/min")
	for range 2 {
		if w := h.Ask("GET", "/v1/status/A", ""); w.Code != 200 {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
	}
	resttest.Told(t, h.Ask("GET", "/v1/status/A", ""), 429, 429)
	if w := h.Ask("GET", "/v1/status/B", ""); w.Code != 200 {
		t.Errorf("another printer: %d %s", w.Code, w.Body)
	}
}

func TestFiguresAreForThisMachineAndForOwners(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	member := h.SignIn(t, "bob@grove.local", grove.Operator)
	from := func(remote, token string, headers ...string) int {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr, r.Host = remote, "127.0.0.1:8080"
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	tests := []struct {
		name string
		got  int
		want int
	}{
		{"this machine", from("127.0.0.1:5000", ""), 200},
		{"this machine, IPv6", from("[::1]:5000", ""), 200},
		{"this machine, mapped", from("[::ffff:127.0.0.1]:5000", ""), 200},
		{"through a proxy on this machine", from("127.0.0.1:5000", "", "X-Forwarded-For", "192.0.2.9"), 401},
		{"elsewhere", from("192.0.2.9:5000", ""), 401},
		{"elsewhere claiming to be here", from("192.0.2.9:5000", "", "X-Forwarded-For", "127.0.0.1"), 401},
		{"a member elsewhere", from("192.0.2.9:5000", member), 403},
		{"an owner elsewhere", from("192.0.2.9:5000", h.Token), 200},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, tt.got, tt.want)
		}
	}
}

func TestReadyTellsWhenItIsNot(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	if w := h.Ask("GET", "/readyz", "", "Authorization", ""); w.Code != 200 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	h.Ready = func(context.Context) error { return errors.New("dial tcp secret") }
	w := h.Ask("GET", "/readyz", "", "Authorization", "")
	resttest.Told(t, w, 503, 503)
	if strings.Contains(w.Body.String(), "secret") || w.Header().Get("Retry-After") == "" {
		t.Errorf("told %s", w.Body)
	}
}

func TestPagesLoadNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for _, path := range []string{"/about", "/docs", "/docs/docs.js", "/docs/docs.css", "/docs/swagger-ui.css", "/assets/grove.css", "/assets/grove.svg"} {
		w := h.Ask("GET", path, "", "Authorization", "")
		if w.Code != 200 {
			t.Fatalf("%s: %d", path, w.Code)
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "script-src 'unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
		for _, sign := range []string{`src="http`, `href="http`, `@import`, `url(http`, `<script>`, `onclick`} {
			if strings.Contains(w.Body.String(), sign) {
				t.Errorf("%s has %q", path, sign)
			}
		}
	}
	if w := h.Ask("GET", "/about", "", "Authorization", ""); !strings.Contains(w.Body.String(), "grove login --url http://example.com") {
		t.Errorf("the page does not say how to sign in: %s", w.Body)
	}
	for _, path := range []string{"/assets/index.html", "/docs/index.html", "/docs/..%2Frest.go", "/assets/none"} {
		resttest.Told(t, h.Ask("GET", path, "", "Authorization", ""), 404, 404)
	}
}

// Strangers may ask for it at any time: what it says of this server needs no records once
// there is an owner, and without them it tells no more than to anybody later.
func TestThePageAboutTheServerIsShownWithoutRecords(t *testing.T) {
	t.Parallel()
	const hint = "<h2>First start</h2>"
	settled, fresh, unread := resttest.New(t, "off"), resttest.Empty(t, "off"), resttest.Empty(t, "off")
	for name, c := range map[string]struct {
		h     *resttest.House
		first bool
	}{"with an owner": {settled, false}, "without one": {fresh, true}} {
		w := c.h.Ask("GET", "/about", "", "Authorization", "")
		if first := strings.Contains(w.Body.String(), hint); w.Code != 200 || first != c.first {
			t.Errorf("%s: %d, told how to set it up: %v", name, w.Code, first)
		}
	}
	for name, h := range map[string]*resttest.House{"with an owner": settled, "never read": unread} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // nothing is read for it any more
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/about", nil))
		if w.Code != 200 || strings.Contains(w.Body.String(), hint) || !strings.Contains(w.Body.String(), "<h2>Sign in</h2>") {
			t.Errorf("%s, with records that can't be read: %d %s", name, w.Code, w.Body)
		}
		if warned := strings.Contains(h.Log.String(), "page shown as of a server with an owner"); warned != (h == unread) {
			t.Errorf("%s: warned %v", name, warned)
		}
	}
}

func TestEveryRequestIsLoggedOnceWithoutItsToken(t *testing.T) {
	t.Parallel()
	h := withEcho(t, "off")
	h.Ask("GET", "/v1/list", "")
	if n := strings.Count(h.Log.String(), "path=/v1/list"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, h.Log)
	}
	if strings.Contains(h.Log.String(), h.Token) {
		t.Error("the token is in the log")
	}
}

func FuzzStraighten(f *testing.F) {
	for _, p := range []string{"/v1/x", "//v1//x", "/api/v1/x", "/a%2Fb", "/../x", "/api/v1/"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, target string) {
		if !strings.HasPrefix(target, "/") {
			return
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://h"+target, nil)
		if err != nil {
			return
		}
		rest.Straighten(r)
		if !strings.HasPrefix(r.URL.Path, "/") || strings.Contains(r.URL.Path, "//") && r.URL.RawPath == "" {
			t.Errorf("%q became %q", target, r.URL.Path)
		}
	})
}

func TestTheCookieOfASignInIsForReadingAlone(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	const profile = "/v1/user-service/my/profile"
	cookie := "token=" + h.Token
	if w := h.Ask("GET", profile, "", "Authorization", "", "Cookie", cookie); w.Code != 200 {
		t.Errorf("reading: %d %s", w.Code, w.Body)
	}
	resttest.Refused(t, h, 401, 401, "PUT", profile, `{"username":"Eve"}`, "Authorization", "", "Cookie", cookie)
	resttest.Refused(t, h, 401, 401, "PUT", profile, `{"username":"Eve"}`, "Authorization", "", "Cookie", cookie, "Sec-Fetch-Site", "same-origin")
	resttest.Refused(t, h, 401, 401, "GET", profile, "", "Authorization", "", "Cookie", cookie, "Sec-Fetch-Site", "cross-site")
	resttest.Refused(t, h, 401, 1001, "GET", profile, "", "Authorization", "", "Cookie", "token=nonsense")
}
