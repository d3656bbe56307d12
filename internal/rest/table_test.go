package rest_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
	"github.com/grovecloud/grove/internal/rest/resttest"
	"github.com/grovecloud/grove/printfile/sample"
)

var inBraces = regexp.MustCompile(`\{[^}]*\}`)

// address is a path of the table with something in each of its braces.
func address(route rest.Route) string {
	return inBraces.ReplaceAllString(strings.TrimSuffix(route.Path, "{$}"), "1")
}

// TestStrangersGetNothing walks the whole table: whatever is not on the short list
// of open routes must refuse everybody without a credential.
func TestStrangersGetNothing(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	var open []string
	for _, route := range h.Routes() {
		if route.Page {
			continue
		}
		if route.Open {
			open = append(open, route.Method+" "+route.Path)
			continue
		}
		for name, credential := range map[string]string{
			"none": "", "blank": " ", "made up": "Bearer x.y.z", "another scheme": "Basic YTpi", "unsigned": "Bearer eyJhbGciOiJub25lIn0.eyJ1c2VybmFtZSI6InVfMTAwMDAwMSJ9.",
		} {
			r := httptest.NewRequest(route.Method, address(route), nil)
			if credential != "" {
				r.Header.Set("Authorization", credential)
			}
			cookie := "token=x.y.z"
			if route.Method != "GET" { // one that is right is for reading alone
				cookie = "token=" + h.Token
			}
			r.Header.Set("Cookie", cookie)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 401 || !strings.Contains(w.Body.String(), "Please login") {
				t.Errorf("%s %s, credential %s: %d %s", route.Method, route.Path, name, w.Code, w.Body)
			}
		}
	}
	slices.Sort(open)
	want := []string{
		"GET /about", "GET /api/csrf", "GET /api/sign-in/ticket", "GET /assets/{name}",
		"GET /c/{serial}/{viewer}/snapshot.jpg", "GET /c/{serial}/{viewer}/stream.mjpg", "GET /docs", "GET /docs/{name}", "GET /f/{id}/content", "GET /f/{id}/{picture}", "GET /j/{id}/snapshot.jpg", "GET /livez",
		"GET /openapi.json", "GET /readyz", "GET /sign-in", "GET /u/{id}", "GET /v1/design-service/design/{id}/instances", "GET /v1/iot-service/api/slicer/resource",
		"POST /api/sign-in/form", "POST /api/sign-in/tfa", "POST /sign-in",
		"POST /v1/grove-service/invitations/accept", "POST /v1/grove-service/password-reset", "POST /v1/grove-service/password-reset/code",
		"POST /v1/grove-service/setup", "POST /v1/user-service/user/consent", "POST /v1/user-service/user/login", "POST /v1/user-service/user/refreshtoken",
		"POST /v1/user-service/user/sendemail/code", "POST /v1/user-service/user/sendsms/code", "POST /v1/user-service/user/sendsmscode",
		"POST /v1/user-service/user/tfa", "POST /v1/user-service/user/tfa/login",
		"POST /v1/user-service/user/ticket/{ticket}", "PUT /u/{id}",
	}
	if diff := cmp.Diff(want, open); diff != "" {
		t.Errorf("the open routes (-want +got):\n%s", diff)
	}
	if len(h.Routes()) < 60 {
		t.Errorf("only %d routes were walked", len(h.Routes()))
	}
}

func TestSignedLinksRefuseWhatIsNotSigned(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for _, link := range []string{"/u/f_1", "/u/f_1?Expires=9999999999&Signature=00", "/f/f_1/content", "/f/f_1/plate_1.png?Expires=1&Signature=zz", "/c/S/1.s/snapshot.jpg", "/j/7/snapshot.jpg", "/j/8/snapshot.jpg?Expires=9999999999&Signature=00", "/c/S/1.s/stream.mjpg?Expires=9999999999&Signature=00"} {
		method := "GET"
		if strings.HasPrefix(link, "/u/") {
			method = "PUT"
		}
		e := resttest.Refused(t, h, 403, 403, method, link, "x")
		if !strings.Contains(e.Details.Reason, "signature") {
			t.Errorf("%s: %q", link, e.Details.Reason)
		}
	}
}

// document is as much of OpenAPI as is checked.
type document struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]any }
}

type operation struct {
	OperationID string
	Summary     string
	Security    []map[string][]string
	Responses   map[string]struct {
		Content map[string]struct{ Schema map[string]any }
	}
	Parameters []struct{ Name, In string }
}

func TestTheDescriptionIsComplete(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	body := h.Ask("GET", "/openapi.json", "").Body.Bytes()
	var doc document
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("version %q", doc.OpenAPI)
	}
	ids := map[string]bool{}
	for _, route := range h.Routes() {
		if route.Page {
			continue
		}
		o, ok := doc.Paths[strings.TrimSuffix(route.Path, "{$}")][strings.ToLower(route.Method)]
		if !ok {
			t.Errorf("%s %s is not described", route.Method, route.Path)
			continue
		}
		if o.Summary == "" || ids[o.OperationID] || len(o.Responses["default"].Content) == 0 || len(o.Responses) < 2 {
			t.Errorf("%s %s is described as %+v", route.Method, route.Path, o)
		}
		for status, r := range o.Responses {
			for media, c := range r.Content {
				if len(c.Schema) == 0 {
					t.Errorf("%s %s answers %s with a %s of which nothing is said", route.Method, route.Path, status, media)
				}
			}
		}
		ids[o.OperationID] = true
		if len(o.Security) == 0 || (len(o.Security[0]) == 0) != route.Open {
			t.Errorf("%s %s: open %t, security %v", route.Method, route.Path, route.Open, o.Security)
		}
		for _, param := range inBraces.FindAllString(strings.TrimSuffix(route.Path, "{$}"), -1) {
			if !slices.ContainsFunc(o.Parameters, func(p struct{ Name, In string }) bool { return p.In == "path" && "{"+p.Name+"}" == param }) {
				t.Errorf("%s %s: parameter %s is not described", route.Method, route.Path, param)
			}
		}
	}
	checkReferences(t, body, doc)
}

// TestNoListGoesOnAfterGarbage finds the lists by their descriptions, so that a
// new one is held to it as well.
func TestNoListGoesOnAfterGarbage(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	var doc document
	if err := json.Unmarshal(h.Ask("GET", "/openapi.json", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	const hook = `{"url":"http://127.0.0.1:9/hook","events":["print.completed"]}`
	made := resttest.Call[cloudapi.Data[grove.Endpoint]](t, h, 201, "POST", "/v1/grove-service/webhooks", hook)
	file := h.Upload(t, "cube.gcode.3mf", sample.ThreeMF())
	lists := 0
	for path, methods := range doc.Paths {
		if !slices.ContainsFunc(methods["get"].Parameters, func(p struct{ Name, In string }) bool { return p.Name == "after" }) {
			continue
		}
		lists++
		id := made.Data.ID
		if strings.HasPrefix(path, own+"/files/") {
			id = file.FileID
		}
		resttest.Refused(t, h, 400, 400, "GET", inBraces.ReplaceAllString(path, id)+"?after=garbage", "")
	}
	if lists < 14 {
		t.Errorf("only %d lists", lists)
	}
}

func checkReferences(t *testing.T, body []byte, doc document) {
	t.Helper()
	refs := regexp.MustCompile(`"#/components/schemas/([^"]+)"`).FindAllStringSubmatch(string(body), -1)
	for _, ref := range refs {
		if doc.Components.Schemas[ref[1]] == nil {
			t.Errorf("%s leads nowhere", ref[0])
		}
	}
	if len(refs) < 50 {
		t.Errorf("only %d references", len(refs))
	}
	if strings.Contains(string(body), "ErrorModel") {
		t.Error("an error shape is described that is never answered")
	}
	if job := fmt.Sprint(doc.Components.Schemas["Job"]); !strings.Contains(job, "A decimal number as text") {
		t.Errorf("the job's id is not described as text: %s", job)
	}
}
