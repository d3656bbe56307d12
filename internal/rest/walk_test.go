package rest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/rest"
	"github.com/grovecloud/grove/internal/rest/resttest"
	"github.com/grovecloud/grove/printfile/sample"
)

// The classes of routes beside the rights that a key may have.
const (
	anybody = "anybody" // no credential is asked for
	people  = "people"  // who signed in, and no key
	here    = "here"    // this very machine; to others a route for people
	managed = "managed" // who runs the server, and no key
	bridges = "bridges" // a bridge, by its own key
)

// expected is who may ask what. A route that is not in it fails the walk.
var expected = map[string]string{
	"GET /about": anybody, "GET /assets/{name}": anybody, "GET /docs": anybody, "GET /docs/{name}": anybody, "GET /openapi.json": anybody,
	"GET /livez": anybody, "GET /readyz": anybody, "GET /metrics": here,
	"PUT /u/{id}": anybody, "GET /u/{id}": anybody, "GET /f/{id}/content": anybody, "GET /f/{id}/{picture}": anybody, // by their signatures
	"GET /v1/iot-service/api/slicer/resource": anybody,
	"POST /v1/grove-service/setup":            anybody,
	"POST /v1/user-service/user/login":        anybody,

	"POST /v1/user-service/my/logout":                          people,
	"PUT /v1/user-service/my/profile":                          people,
	"DELETE /v1/iot-service/api/user/bind":                     people,
	"PATCH /v1/grove-service/notifications/{id}":               people,
	"POST /v1/grove-service/clock/confirm":                     people,
	"GET /v1/grove-service/bridges":                            people,
	"POST /v1/grove-service/bridges":                           people,
	"DELETE /v1/grove-service/bridges/{id}":                    people,
	"GET /v1/grove-service/bridges/tunnel":                     bridges,
	"GET /v1/grove-service/keys":                               people,
	"POST /v1/grove-service/keys":                              people,
	"DELETE /v1/grove-service/keys/{id}":                       people,
	"GET /v1/grove-service/shares":                             people,
	"POST /v1/grove-service/shares":                            people,
	"POST /v1/grove-service/shares/accept":                     people,
	"DELETE /v1/grove-service/shares/{id}":                     people,
	"GET /v1/grove-service/users":                              managed,
	"GET /v1/grove-service/server":                             managed,
	"POST /v1/grove-service/server/mail-test":                  managed,
	"GET /v1/grove-service/server/ca.pem":                      "account:read",
	"GET /v1/grove-service/kits":                               "account:read",
	"PUT /v1/grove-service/users/{id}/role":                    managed,
	"POST /v1/grove-service/users/{id}/lock":                   managed,
	"POST /v1/grove-service/users/{id}/unlock":                 managed,
	"GET /v1/user-service/my/profile":                          "account:read",
	"GET /v1/design-user-service/my/preference":                "account:read",
	"GET /v1/grove-service/clock":                              "account:read",
	"GET /v1/iot-service/api/user/bind":                        "printer:read",
	"GET /v1/iot-service/api/user/bind_list":                   "printer:read",
	"POST /v1/iot-service/api/user/bind":                       "device:bind",
	"GET /v1/iot-service/api/user/device/info":                 "printer:read",
	"PATCH /v1/iot-service/api/user/device/info":               "device:bind",
	"GET /v1/iot-service/api/user/device/version":              "printer:read",
	"POST /v1/iot-service/api/user/ttcode":                     "printer:read",
	"GET /v1/iot-service/api/user/print":                       "printer:read+job:read",
	"GET /v1/grove-service/printers":                           "printer:read",
	"GET /v1/grove-service/printers/{serial}":                  "printer:read",
	"GET /v1/grove-service/printers/live":                      "printer:read",
	"GET /v1/grove-service/simulated-printers":                 "printer:read",
	"POST /v1/grove-service/simulated-printers":                managed,
	"DELETE /v1/grove-service/simulated-printers":              managed,
	"GET /v1/grove-service/models":                             "printer:read",
	"GET /v1/grove-service/live":                               "printer:read",
	"PUT /v1/grove-service/live/{id}":                          "printer:read",
	"GET /v1/grove-service/printers/{serial}/live":             "printer:read",
	"GET /v1/grove-service/printers/{serial}/report":           "printer:read",
	"GET /v1/grove-service/printers/{serial}/temperatures":     "printer:read",
	"GET /v1/grove-service/printers/{serial}/files":            "printer:read+file:read",
	"DELETE /v1/grove-service/printers/{serial}/files":         "printer:control+file:write",
	"GET /v1/grove-service/printers/{serial}/files/content":    "printer:read+file:read",
	"POST /v1/grove-service/printers":                          "device:bind",
	"POST /v1/grove-service/printers/{serial}/pair":            "device:bind",
	"PUT /v1/grove-service/printers/{serial}/address":          "device:bind",
	"POST /v1/grove-service/printers/{serial}/test":            "device:bind",
	"POST /v1/grove-service/printers/discover":                 "device:bind",
	"POST /v1/grove-service/printers/{serial}/commands":        "printer:read",
	"POST /v1/grove-service/printers/{serial}/plate-clear":     "printer:start",
	"POST /v1/grove-service/printers/{serial}/pin":             people,
	"GET /v1/grove-service/events":                             "printer:read",
	"GET /v1/grove-service/notifications":                      "printer:read",
	"GET /v1/user-service/my/messages":                         "printer:read",
	"POST /v1/iot-service/api/user/print":                      "printer:start",
	"POST /v1/user-service/my/task":                            "printer:start",
	"GET /v1/user-service/my/tasks":                            "job:read",
	"GET /v1/user-service/my/task/{id}":                        "job:read",
	"GET /v1/iot-service/api/user/task":                        "job:read",
	"GET /v1/iot-service/api/user/task/{id}":                   "file:read+job:read",
	"GET /v1/grove-service/jobs":                               "job:read",
	"GET /v1/grove-service/jobs/{id}":                          "job:read",
	"POST /v1/grove-service/jobs":                              "printer:start",
	"POST /v1/grove-service/jobs/fit":                          "printer:start",
	"GET /v1/grove-service/jobs/figures":                       "job:read",
	"GET /v1/grove-service/jobs/export":                        "job:read",
	"PATCH /v1/grove-service/jobs/{id}":                        "printer:start",
	"GET /v1/grove-service/jobs/{id}/fit":                      "printer:read+job:read",
	"POST /v1/grove-service/jobs/{id}/move":                    "job:write",
	"POST /v1/grove-service/jobs/{id}/reprint":                 "printer:start",
	"PATCH /v1/grove-service/printers/{serial}":                "device:bind",
	"POST /v1/grove-service/jobs/{id}/cancel":                  "job:write",
	"POST /v1/grove-service/jobs/{id}/resolve":                 "job:write",
	"GET /v1/iot-service/api/user/files":                       "file:read",
	"GET /v1/iot-service/api/user/upload":                      "file:write",
	"POST /v1/iot-service/api/user/upload":                     "file:write",
	"POST /v1/iot-service/api/user/upload/confirm":             "file:write",
	"GET /v1/iot-service/api/user/project":                     "file:read",
	"POST /v1/iot-service/api/user/project":                    "file:write",
	"GET /v1/iot-service/api/user/project/{id}":                "file:read",
	"PATCH /v1/iot-service/api/user/project/{id}":              "file:write",
	"GET /v1/iot-service/api/user/profile/{id}":                "file:read",
	"GET /v1/iot-service/api/user/notification":                "file:read+printer:read",
	"PUT /v1/iot-service/api/user/notification":                "file:write",
	"GET /v1/grove-service/files":                              "file:read",
	"GET /v1/grove-service/files/{id}":                         "file:read",
	"GET /v1/grove-service/files/{id}/content":                 "file:read",
	"DELETE /v1/grove-service/files/{id}":                      "file:write",
	"PATCH /v1/grove-service/files/{id}":                       "file:write",
	"POST /v1/grove-service/files":                             "file:write",
	"GET /v1/grove-service/files/{id}/versions":                "file:read",
	"GET /v1/grove-service/webhooks":                           "webhook:admin",
	"POST /v1/grove-service/webhooks":                          "webhook:admin",
	"GET /v1/grove-service/webhooks/{id}":                      "webhook:admin",
	"PATCH /v1/grove-service/webhooks/{id}":                    "webhook:admin",
	"DELETE /v1/grove-service/webhooks/{id}":                   "webhook:admin",
	"POST /v1/grove-service/webhooks/{id}/test":                "webhook:admin",
	"POST /v1/grove-service/webhooks/{id}/secret":              "webhook:admin",
	"GET /v1/grove-service/webhooks/{id}/deliveries":           "webhook:admin",
	"POST /v1/grove-service/webhooks/deliveries/{id}/replay":   "webhook:admin",
	"GET /v1/grove-service/audit":                              "audit:read",
	"GET /v1/grove-service/audit/export":                       people,
	"POST /v1/grove-service/users/me/sessions/current/confirm": people,

	"GET /v1/design-service/design/{id}/instances":   anybody,
	"GET /v1/design-service/favorites/designs/{uid}": "account:read",
	"GET /v1/design-service/my/design/recommend":     "account:read",
	"GET /v1/user-service/my/setting":                "account:read",
	"GET /v1/user-service/my/task/printedplates":     "account:read",
	"GET /api/csrf":                                                  anybody,
	"POST /api/sign-in/form":                                         anybody,
	"POST /api/sign-in/tfa":                                          anybody,
	"GET /api/sign-in/ticket":                                        anybody,
	"GET /c/{serial}/{viewer}/snapshot.jpg":                          anybody,
	"GET /c/{serial}/{viewer}/stream.mjpg":                           anybody,
	"GET /j/{id}/snapshot.jpg":                                       anybody,
	"GET /sign-in":                                                   anybody,
	"POST /sign-in":                                                  anybody,
	"POST /v1/grove-service/invitations/accept":                      anybody,
	"POST /v1/grove-service/password-reset":                          anybody,
	"POST /v1/grove-service/password-reset/code":                     anybody,
	"POST /v1/user-service/user/consent":                             anybody,
	"POST /v1/user-service/user/refreshtoken":                        anybody,
	"POST /v1/user-service/user/sendemail/code":                      anybody,
	"POST /v1/user-service/user/sendsms/code":                        anybody,
	"POST /v1/user-service/user/sendsmscode":                         anybody,
	"POST /v1/user-service/user/tfa":                                 anybody,
	"POST /v1/user-service/user/tfa/login":                           anybody,
	"POST /v1/user-service/user/ticket/{ticket}":                     anybody,
	"GET /v1/design-user-service/filament/config":                    "file:read",
	"GET /v1/design-user-service/my/filament/v2":                     "file:read",
	"GET /v1/iot-service/api/slicer/setting":                         "file:read",
	"GET /v1/iot-service/api/slicer/setting/{id}":                    "file:read",
	"GET /v1/user-service/my/model/profile":                          "file:read",
	"POST /v1/design-user-service/my/filament/v2":                    "file:write",
	"PUT /v1/design-user-service/my/filament/v2":                     "file:write",
	"POST /v1/design-user-service/my/filament/v2/ams/sync":           "file:write",
	"DELETE /v1/design-user-service/my/filament/v2/batch":            "file:write",
	"POST /v1/design-user-service/my/filament/v2/slot-mappings/sync": "file:write",
	"POST /v1/iot-service/api/slicer/setting":                        "file:write",
	"PATCH /v1/iot-service/api/slicer/setting/{id}":                  "file:write",
	"DELETE /v1/iot-service/api/slicer/setting/{id}":                 "file:write",
	"GET /v1/grove-service/invitations":                              managed,
	"POST /v1/grove-service/invitations":                             managed,
	"DELETE /v1/grove-service/invitations/{id}":                      managed,
	"GET /v1/grove-service/letters":                                  managed,
	"POST /v1/grove-service/users/{id}/reset":                        managed,
	"GET /v1/grove-service/users/me":                                 people,
	"PUT /v1/grove-service/users/me/password":                        people,
	"POST /v1/grove-service/users/me/recovery-codes":                 people,
	"GET /v1/grove-service/users/me/security":                        people,
	"PUT /v1/grove-service/users/me/security":                        people,
	"GET /v1/grove-service/users/me/sessions":                        people,
	"POST /v1/grove-service/users/me/sessions/end-others":            people,
	"DELETE /v1/grove-service/users/me/sessions/{id}":                people,
	"POST /v1/grove-service/users/me/totp":                           people,
	"POST /v1/grove-service/users/me/totp/confirm":                   people,
	"POST /v1/grove-service/users/me/totp/remove":                    people,
	"POST /v1/user-service/my/message/read":                          people,
	"POST /v1/user-service/my/pincode/{pin}":                         people,
	"POST /v1/user-service/my/ticket/{ticket}":                       people,
	"GET /v1/user-service/my/ticket/{ticket}":                        people,
	"POST /v1/user-service/user/devicetoken":                         people,
	"GET /v1/user-service/user/ticket":                               people,
	"GET /v1/iot-service/api/user/device/{id}/snapshot":              "printer:read",
	"GET /v1/iot-service/api/user/device/{id}/stream":                "printer:read",
	"GET /v1/iot-service/api/user/device/{id}/video":                 "printer:read",
	"GET /v1/iot-service/api/user/video/stream":                      "printer:read",
	"GET /v1/user-service/my/message/count":                          "printer:read",
	"GET /v1/user-service/my/message/latest":                         "printer:read",
	"GET /v1/user-service/my/message/{id}":                           "printer:read",
}

// alike are the routes with something in braces that answer everybody alike: there
// is nothing behind them, or deleting what is not there is no error.
var alike = map[string]bool{
	"GET /v1/user-service/my/ticket/{ticket}":        true,
	"DELETE /v1/iot-service/api/slicer/setting/{id}": true,
	"GET /v1/design-service/favorites/designs/{uid}": true,
}

// walker has a credential of every kind, and something of ann's in every place.
type walker struct {
	*resttest.House
	t      *testing.T
	things map[string]string // what stands in the braces, by the route's beginning
	shown  map[resttest.Credential]string

	carrier string // the key of a bridge
}

func newWalker(t *testing.T) *walker {
	t.Helper()
	h := resttest.New(t, "off")
	w := &walker{House: h, t: t}
	w.belongings()
	code, err := h.DB.Printer(t.Context(), walkSerial)
	if err != nil {
		t.Fatal(err)
	}
	revoked := w.key(grove.Scopes()...)
	list := resttest.Call[cloudapi.Data[[]grove.Key]](t, h, 200, "GET", "/v1/grove-service/keys?limit=1", "")
	resttest.Call[cloudapi.Data[any]](t, h, 200, "DELETE", "/v1/grove-service/keys/"+list.Data[0].ID, "")
	all := grove.Scopes()
	w.shown = map[resttest.Credential]string{
		resttest.NoCredential: "", resttest.Garbage: "nonsense", resttest.GarbageKey: "grove_nonsense", resttest.RevokedKey: revoked,
		resttest.ExpiredToken: w.expired(), resttest.EndedSession: w.loggedOut(), resttest.BrowserCookie: strings.TrimPrefix(h.Cookie, rest.DashboardCookie+"="), resttest.ExpiredKey: w.expiredKey(),
		resttest.DistantKey:  w.wish(access.KeyWish{Scopes: all, AllPrinters: true, Network: "198.51.100.0/24"}),
		resttest.UnscopedKey: w.key(), resttest.PrinterlessKey: w.wish(access.KeyWish{Scopes: all}),
		resttest.AccessCode: string(code.AccessCode), resttest.RightUser: h.Token, resttest.BridgeKey: w.carrier,
		resttest.AnotherUser:   h.SignIn(t, "bob@grove.local", grove.Operator),
		resttest.AnotherViewer: h.SignIn(t, "vera@grove.local", grove.Viewer),
		resttest.LookingGuest:  w.guest("gina@grove.local", grove.Viewer),
		resttest.PrintingGuest: w.guest("gus@grove.local", grove.Operator),
	}
	for _, scope := range all {
		w.shown[resttest.KeyFor(scope)] = w.key(scope)
	}
	resttest.Answered(t, "the walker's pocket", w.shown)
	return w
}

// guest is somebody with whom ann shares her printer.
func (w *walker) guest(email string, role grove.Role) string {
	w.t.Helper()
	token := w.SignIn(w.t, email, grove.Operator)
	body := `{"device_id":"` + walkSerial + `","email":"` + email + `","role":"` + string(role) + `"}`
	resttest.Call[cloudapi.Data[grove.Share]](w.t, w.House, 201, "POST", "/v1/grove-service/shares", body)
	return token
}

func (w *walker) key(scopes ...grove.Action) string {
	w.t.Helper()
	return w.wish(access.KeyWish{Scopes: scopes, AllPrinters: true})
}

func (w *walker) wish(wish access.KeyWish) string {
	w.t.Helper()
	wish.Name = "walk"
	me := grove.Actor{Kind: grove.ActorUser, UserID: w.UserID}
	_, secret, err := w.Access.CreateKey(w.t.Context(), me, wish)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(secret)
}

// expired is a token of a server that gives out short ones.
func (w *walker) expired() string {
	w.t.Helper()
	hasty, err := access.New(w.t.Context(), access.Config{Records: w.DB, TokenLife: 1, Log: slog.New(slog.DiscardHandler), Hashes: access.Hashing{MemoryKiB: 64, Passes: 1}})
	if err != nil {
		w.t.Fatal(err)
	}
	tokens, err := hasty.Login(w.t.Context(), access.Credentials{Account: "ann@grove.local", Password: resttest.Password, Remote: "192.0.2.1"})
	if err != nil {
		w.t.Fatal(err)
	}
	return string(tokens.Access)
}

func (w *walker) loggedOut() string {
	w.t.Helper()
	token := w.SignIn(w.t, "gone@grove.local", grove.Operator)
	if got := w.Ask("POST", "/v1/user-service/my/logout", "{}", "Authorization", "Bearer "+token); got.Code != 200 && got.Code != 204 {
		w.t.Fatal(got.Code, got.Body)
	}
	return token
}

func (w *walker) expiredKey() string {
	w.t.Helper()
	const secret = "grove_late"
	sum := sha256.Sum256([]byte(secret))
	err := w.DB.CreateKey(w.t.Context(), grove.Key{
		ID: "key_late", UserID: w.UserID, Name: "late", Scopes: grove.Scopes(), AllPrinters: true,
		ExpiresAt: time.Now().Add(-time.Minute), Hash: hex.EncodeToString(sum[:]),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return secret
}

const walkSerial = "01P00A000000001"

// belongings makes a printer, a file, an endpoint, a key and a share of ann's.
func (w *walker) belongings() {
	w.t.Helper()
	const serial = walkSerial
	resttest.Call[cloudapi.Bound](w.t, w.House, 200, "POST", "/v1/iot-service/api/user/bind", `{"device_id":"`+serial+`","device_name":"Bench"}`)
	file := w.Upload(w.t, "cube.gcode.3mf", sample.ThreeMF())
	hook := resttest.Call[cloudapi.Data[grove.Endpoint]](w.t, w.House, 201, "POST", "/v1/grove-service/webhooks", `{"url":"http://127.0.0.1:9/","events":["print.completed"]}`)
	key := resttest.Call[cloudapi.Data[grove.Key]](w.t, w.House, 201, "POST", "/v1/grove-service/keys", `{"name":"x","scopes":[]}`)
	bridge := func() cloudapi.BridgeCreated {
		return resttest.Call[cloudapi.Data[cloudapi.BridgeCreated]](w.t, w.House, 201, "POST", "/v1/grove-service/bridges", `{"name":"x"}`).Data
	}
	w.carrier = string(bridge().Secret)
	share := resttest.Call[cloudapi.Data[grove.Share]](w.t, w.House, 201, "POST", "/v1/grove-service/shares", `{"device_id":"`+serial+`","role":"viewer"}`)
	w.things = map[string]string{
		"/v1/grove-service/printers/": serial, "/v1/grove-service/files/": file.FileID, "/v1/grove-service/webhooks/": hook.Data.ID,
		"/v1/grove-service/keys/": key.Data.ID, "/v1/grove-service/bridges/": bridge().ID, "/v1/grove-service/shares/": share.Data.ID,
	}
}

// ask sends a request that is in order as far as the route's own path goes.
func (w *walker) ask(route rest.Route, credential string, headers ...string) *httptest.ResponseRecorder {
	path := address(route)
	for begins, id := range w.things {
		if rest, ok := strings.CutPrefix(route.Path, begins+"{"); ok {
			_, rest, _ = strings.Cut(rest, "}")
			path = begins + id + rest
		}
	}
	if route.Method == "DELETE" && strings.HasSuffix(path, walkSerial+"/files") {
		path += "?path=/timelapse/a.mp4"
	}
	header := ""
	if credential != "" {
		header = "Bearer " + credential
	}
	body := ""
	switch {
	case strings.HasSuffix(path, "/setup"), strings.HasSuffix(path, "/password-reset"), strings.HasSuffix(path, "/invitations/accept"):
		body = `{"code":"wrong","email":"c@grove.local","token":"wrong"}`
	case strings.HasSuffix(path, "/pair"), route.Method == "PATCH" && strings.HasSuffix(path, walkSerial), strings.HasSuffix(path, "/move"):
		body = `{}`
	case strings.HasSuffix(path, "/address"):
		body = `{"host":"192.168.1.7"}`
	case strings.HasSuffix(path, "/role"):
		body = `{"role":"viewer"}`
	case strings.HasSuffix(path, "/reset"):
		body = `{"password":"wrong"}`
	case strings.HasSuffix(path, "/invitations"):
		body = `{"email":"c@grove.local","role":"viewer","password":"wrong"}`
	}
	return w.Ask(route.Method, path, body, append([]string{"Authorization", header}, headers...)...)
}

// TestEveryRouteAnswersEveryCredentialAsExpected walks the whole table of routes
// with a credential of each kind.
func TestEveryRouteAnswersEveryCredentialAsExpected(t *testing.T) {
	t.Parallel()
	w := newWalker(t)
	walked := map[string]bool{}
	for _, route := range w.Routes() {
		name := strings.TrimSuffix(route.Method+" "+route.Path, "{$}")
		class, ok := expected[name]
		if route.Page {
			class, ok = anybody, true // what they answer is tested with the dashboard
		}
		if !ok {
			t.Errorf("%s is in no table: say here who may ask it, and in the router's own table what a key needs for it", name)
			continue
		}
		walked[name] = true
		if class == anybody {
			if !route.Open {
				t.Errorf("%s: not open", name)
			}
			continue
		}
		w.walk(name, class, route)
	}
	for name := range expected {
		if !walked[name] && expected[name] != anybody {
			t.Errorf("%s is in the table and is no route", name)
		}
	}
}

// allows reports whether one scope is enough for all rights of a class.
func allows(class string, scope grove.Action) bool {
	key := grove.Key{Scopes: []grove.Action{scope}}
	for right := range strings.SplitSeq(class, "+") {
		if !key.Allows(grove.Action(right)) {
			return false
		}
	}
	return true
}

// verdicts are what is expected of each kind of credential at a route.
func verdicts(name, class string) map[resttest.Credential]resttest.Verdict {
	forKeys := class != people && class != here && class != managed
	stranger, guest := resttest.ByRule, resttest.ByRule
	if strings.Contains(name, "{") && !alike[name] {
		stranger, guest = resttest.Hidden, resttest.Hidden
	}
	viewer := resttest.ByRule
	if class == managed {
		stranger, guest = resttest.Forbidden, resttest.Forbidden
	}
	if class == managed || forKeys && !strings.HasSuffix(class, ":read") {
		viewer = resttest.Forbidden
	}
	looks, prints := guest, guest
	if strings.Contains(name, "/printers/{serial}") {
		looks, prints = resttest.Forbidden, resttest.Forbidden
		files := strings.HasSuffix(class, string(grove.ReadFiles)) || strings.HasSuffix(class, string(grove.WriteFiles)) // the owner's, which no share shows
		if forKeys && class != string(grove.BindPrinter) && !files {
			prints = resttest.Allowed
		}
		if strings.HasSuffix(class, ":read") && !files {
			looks = resttest.Allowed
		}
	}
	unscoped, printerless := resttest.Forbidden, resttest.Forbidden
	if forKeys {
		printerless = resttest.ByRule
	}
	if forKeys && strings.Contains(name, "/printers/{serial}") {
		printerless = resttest.Hidden
	}
	all := map[resttest.Credential]resttest.Verdict{
		resttest.NoCredential: resttest.NotLetIn, resttest.Garbage: resttest.NotLetIn, resttest.GarbageKey: resttest.NotLetIn,
		resttest.ExpiredToken: resttest.NotLetIn, resttest.EndedSession: resttest.NotLetIn, resttest.BrowserCookie: resttest.NotLetIn, resttest.ExpiredKey: resttest.NotLetIn,
		resttest.RevokedKey: resttest.NotLetIn, resttest.AccessCode: resttest.NotLetIn, // codes are of MQTT alone
		resttest.DistantKey: resttest.Forbidden, resttest.UnscopedKey: unscoped, resttest.PrinterlessKey: printerless,
		resttest.AnotherUser: stranger, resttest.AnotherViewer: viewer, resttest.LookingGuest: looks, resttest.PrintingGuest: prints,
		resttest.RightUser: resttest.Allowed, resttest.BridgeKey: resttest.NotLetIn,
	}
	for _, scope := range grove.Scopes() {
		all[resttest.KeyFor(scope)] = resttest.Forbidden
		if forKeys && allows(class, scope) {
			all[resttest.KeyFor(scope)] = resttest.Allowed
		}
	}
	if class == bridges {
		for kind := range all {
			all[kind] = resttest.NotLetIn
		}
		all[resttest.BridgeKey] = resttest.Allowed
	}
	return all
}

// answers reports whether a status is what a verdict says.
func answers(status int, want resttest.Verdict) bool {
	switch want {
	case resttest.NotLetIn:
		return status == 401
	case resttest.Forbidden:
		return status == 403
	case resttest.Hidden:
		return status/100 == 4 && status != 401
	case resttest.Allowed:
		return status != 401 && status != 403 && status < 500
	case resttest.ByRule:
	}
	return true
}

// walk tries every kind of credential. Those that may not come first, since some
// routes delete what they are asked about.
func (w *walker) walk(name, class string, route rest.Route) {
	w.t.Helper()
	table := verdicts(name, class)
	resttest.Answered(w.t, name, table)
	ends := strings.Contains(name, "logout") || strings.Contains(name, "GET /v1/grove-service/events") && route.Streams // of the walker's own session
	for _, want := range []resttest.Verdict{resttest.NotLetIn, resttest.Forbidden, resttest.Hidden, resttest.Allowed} {
		if want == resttest.Allowed && ends {
			continue
		}
		for _, kind := range resttest.Credentials() {
			if table[kind] != want {
				continue
			}
			if got := w.ask(route, w.shown[kind]); !answers(got.Code, want) {
				w.t.Errorf("%s, %s: want %q, got %d %s", name, kind, want, got.Code, got.Body)
			}
		}
	}
	if one, other, both := strings.Cut(class, "+"); both {
		if got := w.ask(route, w.key(grove.Action(one), grove.Action(other))); !answers(got.Code, resttest.Allowed) {
			w.t.Errorf("%s, a key for %s: %d %s", name, class, got.Code, got.Body)
		}
	}
}
