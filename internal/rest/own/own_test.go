package own_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
	"github.com/grovecloud/grove/printfile/sample"
)

const (
	service = "/v1/grove-service"
	serial  = "01P00A000000001"
)

// bound is a house with one printer, which is connected and idle.
func bound(t *testing.T) (*resttest.House, *resttest.Line) {
	t.Helper()
	h := resttest.New(t, "off")
	body := fmt.Sprintf(`{"device_id":%q,"device_name":"Bench","model":"P1S"}`, serial)
	if w := h.Ask("POST", "/v1/iot-service/api/user/bind", body); w.Code != 200 {
		t.Fatalf("bind: %d %s", w.Code, w.Body)
	}
	return h, h.Connect(t, serial, resttest.Report)
}

// ask demands a good answer and gives its data.
func ask[T any](t *testing.T, h *resttest.House, status int, method, path, body string, headers ...string) T {
	t.Helper()
	got := resttest.Call[cloudapi.Data[T]](t, h, status, method, service+path, body, headers...)
	if got.Code != 0 || got.Message != "Success" {
		t.Errorf("%s %s: %+v", method, path, got)
	}
	return got.Data
}

func TestSetupMakesTheFirstOwnerAndIsGoneThen(t *testing.T) {
	t.Parallel()
	h := resttest.Empty(t, "off")
	nobody := []string{"Authorization", ""}
	code, _ := h.Access.SetupCode()
	const form = `{"code":%q,"email":"owner@grove.local","password":"correct horse battery","name":"Owner"}`
	resttest.Refused(t, h, 403, 403, "POST", service+"/setup", fmt.Sprintf(form, "WRONG-CODE0"), nobody...)
	resttest.Refused(t, h, 400, 400, "POST", service+"/setup", `{"code":"x"}`, nobody...)
	u := ask[grove.User](t, h, 201, "POST", "/setup", fmt.Sprintf(form, code), nobody...)
	if u.Role != grove.Owner || u.Email != "owner@grove.local" {
		t.Errorf("got %+v", u)
	}
	resttest.Refused(t, h, 404, 404, "POST", service+"/setup", fmt.Sprintf(form, code), nobody...)
	if strings.Contains(h.Log.String(), "correct horse") {
		t.Error("the password is in the log")
	}
}

func TestPrintersAreShownAsTheyAre(t *testing.T) {
	t.Parallel()
	h, _ := bound(t)
	list := ask[[]grove.Live](t, h, 200, "GET", "/printers", "")
	one := ask[grove.Live](t, h, 200, "GET", "/printers/"+serial, "")
	if len(list) != 1 || list[0].Serial != serial || !one.Connected || one.Shadow.State != "IDLE" || one.Shadow.NozzleCelsius != 25.5 {
		t.Errorf("got %+v and %+v", list, one)
	}
	resttest.Refused(t, h, 404, cloudapi.CodeDeviceNotFound, "GET", service+"/printers/NOBODYS", "")
	if p := ask[grove.Printer](t, h, 200, "POST", "/printers/"+serial+"/plate-clear", ""); !p.PlateClear {
		t.Errorf("got %+v", p)
	}
}

func TestCommandsAreAnsweredByTheirPrinter(t *testing.T) {
	t.Parallel()
	h, line := bound(t)
	done := make(chan grove.CommandResult, 1)
	go func() {
		w := h.Ask("POST", service+"/printers/"+serial+"/commands", `{"print":{"command":"pause","sequence_id":"9"}}`)
		var got cloudapi.Data[grove.CommandResult]
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		done <- got.Data
	}()
	for sent := range line.Sent { // questions at the beginning, then the command
		if strings.Contains(sent, `"pause"`) {
			h.Fleet.Observe(serial, []byte(strings.Replace(sent, `"command":"pause"`, `"command":"pause","result":"success"`, 1)))
			break
		}
	}
	got := <-done
	if got.Outcome != grove.CommandAccepted || got.Command != "pause" || got.SequenceID != "9" {
		t.Errorf("got %+v", got)
	}
}

func TestCommandsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	h, _ := bound(t)
	ask[grove.Live](t, h, 200, "GET", "/printers/"+serial, "")
	at := service + "/printers/" + serial + "/commands"
	for _, body := range []string{
		`{"print":{"command":"set_nozzle_temp","param":"900"}}`, `{"print":{"command":"set_fan_speed","param":"101"}}`,
		`{"print":{"command":"explode"}}`, `{"nonsense":{"command":"x"}}`, `{}`, `[]`, `"pause"`,
	} {
		resttest.Refused(t, h, 400, 400, "POST", at, body)
	}
	resttest.Refused(t, h, 404, cloudapi.CodeDeviceNotFound, "POST", service+"/printers/NOBODYS/commands", `{"print":{"command":"pause"}}`)
	resttest.Refused(t, h, 409, 409, "POST", at, `{"print":{"command":"stop"},"expected_print":{"run":7}}`) // it is at rest
	resttest.Refused(t, h, 400, 400, "POST", at, `{"print":{"command":"stop"},"expected_print":{"task":"7"}}`)
}

func TestStopIsNeverLimited(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off,requests=1/h")
	at := service + "/printers/NOBODYS/commands"
	for range 3 {
		resttest.Refused(t, h, 404, cloudapi.CodeDeviceNotFound, "POST", at, `{"print":{"command":"stop"}}`)
		resttest.Refused(t, h, 404, 404, "POST", service+"/jobs/1/cancel", "")
	}
	resttest.Refused(t, h, 404, cloudapi.CodeDeviceNotFound, "POST", at, `{"print":{"command":"resume"}}`)
	resttest.Refused(t, h, 429, 429, "POST", at, `{"print":{"command":"resume"}}`)
	resttest.Refused(t, h, 404, cloudapi.CodeDeviceNotFound, "POST", at, `{"print":{"command":"pause"}}`)
}

func TestJobsAreListedCancelledAndResolved(t *testing.T) {
	t.Parallel()
	h, _ := bound(t)
	file := h.Upload(t, "part.gcode.3mf", sample.ThreeMF(sample.Model("C12")))
	for range 3 {
		resttest.Call[cloudapi.PrintStarted](t, h, 200, "POST", "/v1/iot-service/api/user/print", fmt.Sprintf(`{"device_id":%q,"file_id":%q}`, serial, file.FileID))
	}
	list := resttest.Call[cloudapi.Data[[]grove.Job]](t, h, 200, "GET", service+"/jobs?limit=2&device_id="+serial+"&state=queued,running", "")
	if len(list.Data) != 2 || list.Pagination.Total != 3 || !list.Pagination.HasMore {
		t.Fatalf("got %+v", list)
	}
	at := "/jobs/" + list.Data[0].TaskID()
	if j := ask[grove.Job](t, h, 200, "POST", at+"/cancel", ""); j.State != grove.Cancelled {
		t.Errorf("got %+v", j)
	}
	if j := ask[grove.Job](t, h, 200, "GET", at, ""); j.State != grove.Cancelled || j.ID != list.Data[0].ID {
		t.Errorf("got %+v", j)
	}
	resttest.Refused(t, h, 409, 409, "POST", service+at+"/cancel", "")
	resttest.Refused(t, h, 409, 409, "POST", service+at+"/resolve", `{"outcome":"finished"}`)
	resttest.Refused(t, h, 400, 400, "POST", service+at+"/resolve", `{"outcome":"vanished"}`)
	resttest.Refused(t, h, 400, 400, "POST", service+at+"/resolve", `{"result":"finished"}`)
	resttest.Refused(t, h, 400, 400, "GET", service+"/jobs?state=lost", "")
	resttest.Refused(t, h, 400, 400, "GET", service+"/jobs/abc", "")
	resttest.Refused(t, h, 404, 404, "GET", service+"/jobs/1", "")
	bob := h.SignIn(t, "bob@grove.local", grove.Operator)
	resttest.Refused(t, h, 404, 404, "GET", service+at, "", "Authorization", "Bearer "+bob)
}

func TestEveryListGoesOnAfterAnIdOfItsOwn(t *testing.T) {
	t.Parallel()
	h, _ := bound(t)
	for i := range 3 {
		file := h.Upload(t, fmt.Sprintf("part%d.gcode.3mf", i), sample.ThreeMF(sample.Model("C12")))
		resttest.Call[cloudapi.PrintStarted](t, h, 200, "POST", "/v1/iot-service/api/user/print", fmt.Sprintf(`{"device_id":%q,"file_id":%q}`, serial, file.FileID))
		resttest.Call[cloudapi.Bound](t, h, 200, "POST", "/v1/iot-service/api/user/bind", fmt.Sprintf(`{"device_id":"01P00A00000001%d"}`, i))
	}
	told := grove.Event{UserID: h.UserID, Type: grove.PrintCompleted, Data: grove.EventData{DeviceID: serial}}
	if err := h.DB.AddEvents(t.Context(), []grove.Event{told, told, told}); err != nil {
		t.Fatal(err)
	}
	var hook cloudapi.WebhookCreated
	for range 3 {
		hook = ask[cloudapi.WebhookCreated](t, h, 201, "POST", "/webhooks", `{"url":"http://127.0.0.1:9/hook","events":["print.completed"]}`)
	}
	for range 3 {
		ask[grove.Delivery](t, h, 200, "POST", "/webhooks/"+hook.ID+"/test", "")
	}
	for path, id := range map[string]string{
		"/printers": "serial", "/jobs": "id", "/files": "id", "/webhooks": "id", "/webhooks/" + hook.ID + "/deliveries": "id",
		"/notifications": "id", "/audit": "id",
	} {
		all := ask[[]map[string]any](t, h, 200, "GET", path, "")
		if len(all) < 3 {
			t.Errorf("%s: only %d entries", path, len(all))
			continue
		}
		for i := range all[:2] {
			next := ask[[]map[string]any](t, h, 200, "GET", fmt.Sprintf("%s?limit=1&after=%v", path, all[i][id]), "")
			if len(next) != 1 || next[0][id] != all[i+1][id] {
				t.Errorf("%s after %v: got %v, want %v", path, all[i][id], next, all[i+1][id])
			}
		}
		for _, garbage := range []string{"garbage", "%2e%2e", "f_", "x_01arz3ndektsv4rrffq69g5fav"} {
			if e := resttest.Refused(t, h, 400, 400, "GET", service+path+"?after="+garbage, ""); e.Details.Fields["after"] == "" {
				t.Errorf("%s after %s: %+v", path, garbage, e)
			}
		}
	}
}

func TestContentComesWithItsDigestAndInRanges(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	content := sample.STL()
	file := h.Upload(t, "tür \"1\".stl", content)
	at := service + "/files/" + file.FileID + "/content"
	w := h.Ask("GET", at, "")
	sum := sha256.Sum256(content)
	if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), content) || w.Header().Get("Digest") != "sha-256="+base64.StdEncoding.EncodeToString(sum[:]) {
		t.Errorf("got %d with %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
	if !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") || !strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("a browser may render it: %v", w.Header())
	}
	part := h.Ask("GET", at, "", "Range", "bytes=80-83")
	if part.Code != 206 || !bytes.Equal(part.Body.Bytes(), content[80:84]) {
		t.Errorf("got %d %q", part.Code, part.Body)
	}
	signed := ask[cloudapi.StoredFile](t, h, 200, "GET", "/files/"+file.FileID, "")
	if w := h.Ask("GET", signed.ContentURL, "", "Authorization", ""); w.Code != 200 || !bytes.Equal(w.Body.Bytes(), content) {
		t.Errorf("by its link: %d", w.Code)
	}
	bob := []string{"Authorization", "Bearer " + h.SignIn(t, "bob@grove.local", grove.Operator)}
	resttest.Refused(t, h, 404, 404, "GET", at, "", bob...)
	resttest.Refused(t, h, 404, 404, "GET", service+"/files/"+file.FileID, "", bob...)
	resttest.Refused(t, h, 404, 404, "DELETE", service+"/files/"+file.FileID, "", bob...)
	ask[*struct{}](t, h, 200, "DELETE", "/files/"+file.FileID, "")
	resttest.Refused(t, h, 404, 404, "GET", at, "")
}

func TestWebhooksAreKeptAndChanged(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	const hook = `{"url":"http://127.0.0.1:9/hook","events":["print.completed"],"description":"d"}`
	e := ask[cloudapi.WebhookCreated](t, h, 201, "POST", "/webhooks", hook)
	if !strings.HasPrefix(string(e.Secret), "whsec_") {
		t.Fatalf("got %+v", e)
	}
	if w := h.Ask("GET", service+"/webhooks/"+e.ID, ""); w.Code != 200 || strings.Contains(w.Body.String(), string(e.Secret)) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if list := ask[[]grove.Endpoint](t, h, 200, "GET", "/webhooks", ""); len(list) != 1 {
		t.Errorf("got %+v", list)
	}
	d := ask[grove.Delivery](t, h, 200, "POST", "/webhooks/"+e.ID+"/test", "")
	if log := ask[[]grove.Delivery](t, h, 200, "GET", "/webhooks/"+e.ID+"/deliveries", ""); len(log) != 1 || log[0].ID != d.ID {
		t.Errorf("got %+v", log)
	}
	ask[grove.Delivery](t, h, 200, "POST", "/webhooks/deliveries/"+d.ID+"/replay", "")
	if e := ask[grove.Endpoint](t, h, 200, "PATCH", "/webhooks/"+e.ID, `{"enabled":false,"events":["device.online"]}`); e.Enabled || e.Events[0] != grove.DeviceOnline {
		t.Errorf("got %+v", e)
	}
	for _, body := range []string{`{"url":"http://127.0.0.1:9/","events":[]}`, `{"url":"http://127.0.0.1:9/","events":["print.exploded"]}`, `{"events":["print.completed"]}`, `{"url":"x","events":["print.completed"]}`} {
		resttest.Refused(t, h, 400, 400, "POST", service+"/webhooks", body)
	}
	bob := []string{"Authorization", "Bearer " + h.SignIn(t, "bob@grove.local", grove.Operator)}
	for _, c := range [][2]string{{"GET", ""}, {"DELETE", ""}, {"PATCH", ""}, {"POST", "/test"}, {"GET", "/deliveries"}} {
		body := ""
		if c[0] == "PATCH" {
			body = "{}"
		}
		resttest.Refused(t, h, 404, 404, c[0], service+"/webhooks/"+e.ID+c[1], body, bob...)
	}
	ask[*struct{}](t, h, 200, "DELETE", "/webhooks/"+e.ID, "")
	resttest.Refused(t, h, 404, 404, "GET", service+"/webhooks/"+e.ID, "")
}

func TestWhatIsDoneIsInTheJournal(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	file := h.Upload(t, "a.stl", sample.STL())
	ask[*struct{}](t, h, 200, "DELETE", "/files/"+file.FileID, "")
	e := ask[cloudapi.WebhookCreated](t, h, 201, "POST", "/webhooks", `{"url":"http://127.0.0.1:9/token-in-path","events":["print.completed"]}`)
	ask[grove.Endpoint](t, h, 200, "PATCH", "/webhooks/"+e.ID, `{"enabled":false}`)
	ask[*struct{}](t, h, 200, "DELETE", "/webhooks/"+e.ID, "")
	resttest.Call[cloudapi.Profile](t, h, 200, "PUT", "/v1/user-service/my/profile", `{"username":"Ann B"}`)
	var got []string
	for _, entry := range ask[[]grove.AuditEntry](t, h, 200, "GET", "/audit", "") {
		got = append(got, strings.TrimSpace(entry.Action+" "+entry.Detail))
		if entry.Actor != fmt.Sprintf("user:%d", h.UserID) || entry.At.IsZero() {
			t.Errorf("got %+v", entry)
		}
	}
	want := []string{
		"user.profile", "webhook.delete " + e.ID, "webhook.change " + e.ID, "webhook.create " + e.ID,
		"file.delete " + file.FileID + " a.stl", "file.upload " + file.FileID + " a.stl", "file.announce " + file.FileID + " a.stl",
		"user.login", "user.create owner",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNotificationsAndTheJournalAreMineAlone(t *testing.T) {
	t.Parallel()
	h, _ := bound(t)
	err := h.DB.AddEvents(t.Context(), []grove.Event{{UserID: h.UserID, Type: grove.PrintCompleted, Data: grove.EventData{DeviceID: serial, DeviceName: "Bench"}}})
	if err != nil {
		t.Fatal(err)
	}
	list := ask[[]grove.Notification](t, h, 200, "GET", "/notifications?unread=true", "")
	if len(list) != 1 {
		t.Fatalf("got %+v", list)
	}
	ask[*struct{}](t, h, 200, "PATCH", "/notifications/"+list[0].ID, `{"read":true}`)
	if left := ask[[]grove.Notification](t, h, 200, "GET", "/notifications?unread=true", ""); len(left) != 0 {
		t.Errorf("left %+v", left)
	}
	if journal := ask[[]grove.AuditEntry](t, h, 200, "GET", "/audit", ""); len(journal) == 0 || journal[0].Action != "printer.bind" {
		t.Errorf("got %+v", journal)
	}
	bob := []string{"Authorization", "Bearer " + h.SignIn(t, "bob@grove.local", grove.Operator)}
	if got := ask[[]grove.Notification](t, h, 200, "GET", "/notifications", "", bob...); len(got) != 0 {
		t.Errorf("bob sees %+v", got)
	}
	for _, entry := range ask[[]grove.AuditEntry](t, h, 200, "GET", "/audit", "", bob...) {
		if entry.Serial != "" {
			t.Errorf("bob sees %+v", entry)
		}
	}
}
