package cloud_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
	"github.com/grovecloud/grove/printfile/sample"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	iot    = "/v1/iot-service/api/user"
	user   = "/v1/user-service"
	serial = "01P00A000000001"
)

// changing is what differs from run to run, and what stands for it in golden files.
var changing = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`\bf_[0-9a-z]{26}`), "f_ID"},
	{regexp.MustCompile(`\bt_[0-9a-z]{26}`), "t_TICKET"},
	{regexp.MustCompile(`\bntf_[0-9a-z]{26}`), "ntf_ID"},
	{regexp.MustCompile(`\bUS[0-9a-f]{14}`), "US_MODEL"},
	{regexp.MustCompile(`Expires=\d+&Signature=[0-9a-f]+`), "Expires=E&Signature=S"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`), "IOT TIME"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "RFC3339 TIME"},
	{regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`), "JWT"},
	{regexp.MustCompile(`"device_secret": "[A-Z0-9]+"`), `"device_secret": "SECRET"`},
	{regexp.MustCompile(`"(md5|sha256|download_md5)": "[0-9a-fA-F]{32,64}"`), `"$1": "DIGEST"`},
	{regexp.MustCompile(`"size": \d{3,}`), `"size": 1000`},
}

// golden compares an answer with its file.
func golden(t *testing.T, name string, body []byte) {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, bytes.TrimSpace(body), "", "  "); err != nil {
		t.Fatalf("%s: %v in %s", name, err, body)
	}
	got := pretty.String() + "\n"
	for _, c := range changing {
		got = c.pattern.ReplaceAllString(got, c.instead)
	}
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// bound is a house with one printer, which is connected and idle.
func bound(t *testing.T, limits string) *resttest.House {
	t.Helper()
	h := resttest.New(t, limits)
	body := fmt.Sprintf(`{"device_id":%q,"device_name":"Bench","bind_code":"12345678","model":"P1S"}`, serial)
	if w := h.Ask("POST", iot+"/bind", body); w.Code != 200 {
		t.Fatalf("bind: %d %s", w.Code, w.Body)
	}
	h.Connect(t, serial, resttest.Report)
	return h
}

// sliced is a file that prints.
func sliced() []byte {
	return sample.ThreeMF(sample.Model("C12"), sample.Filaments(
		grove.Filament{ID: 1, Type: "PLA", Color: "00AE42FF", Preset: "GFA00"},
		grove.Filament{ID: 2, Type: "PETG", Color: "FFFFFFFF", Preset: "GFG00"},
	))
}

// TestTheVendorsShapes asks everything once and compares whole answers.
func TestTheVendorsShapes(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	file := h.Upload(t, "part.gcode.3mf", sliced())
	login := fmt.Sprintf(`{"account":"ann@grove.local","password":%q,"apiError":""}`, resttest.Password)
	unsent := resttest.Call[cloudapi.Upload](t, h, 200, "POST", iot+"/upload", `{"filename":"later.stl"}`)
	start := fmt.Sprintf(`{"device_id":%q,"file_id":%q,"options":{"use_ams":true,"ams_mapping":[0,-1]}}`, serial, file.FileID)
	events(t, h)
	for _, c := range []struct{ name, method, target, body string }{
		{"login", "POST", user + "/user/login", login},
		{"profile", "GET", user + "/my/profile", ""},
		{"profile_put", "PUT", user + "/my/profile", `{"username":"Ann B","avatar_url":"https://example.org/a.png"}`},
		{"preference", "GET", "/v1/design-user-service/my/preference", ""},
		{"bind", "GET", iot + "/bind", ""},
		{"bind_post", "POST", iot + "/bind", `{"device_id":"00M00A000000002","device_name":"Second","bind_code":"abcdefgh","model":"BL-P001"}`},
		{"bind_list", "GET", iot + "/bind_list?dev_ids=" + serial + ",NOBODYS", ""},
		{"device_info", "GET", iot + "/device/info?device_id=" + serial, ""},
		{"device_rename", "PATCH", iot + "/device/info", fmt.Sprintf(`{"dev_id":%q,"dev_name":"New"}`, serial)},
		{"device_version", "GET", iot + "/device/version?dev_id=" + serial, ""},
		{"device_versions", "GET", iot + "/device/version", ""},
		{"ttcode", "POST", iot + "/ttcode", fmt.Sprintf(`{"dev_id":%q,"protocols":["tutk"]}`, serial)},
		{"unbind", "DELETE", iot + "/bind?dev_id=00M00A000000002", ""},
		{"files", "GET", iot + "/files", ""},
		{"projects", "GET", iot + "/project?page=1&limit=20", ""},
		{"project", "GET", iot + "/project/" + file.ProjectID, ""},
		{"project_post", "POST", iot + "/project", `{"name":"Bracket"}`},
		{"project_patch", "PATCH", iot + "/project/" + file.ProjectID, `{"profile_id":"` + file.ProfileID + `","profile_print_3mf":[{"md5":"A","plate_idx":2,"url":"ftp://part.gcode.3mf"}]}`},
		{"print_profile", "GET", iot + "/profile/" + file.ProfileID + "?model_id=" + file.ModelID, ""},
		{"upload", "POST", iot + "/upload", `{"filename":"part.3mf","size":1024}`},
		{"upload_asked", "GET", iot + "/upload?filename=part.3mf&size=1024&md5=&x%2Fy=z", ""},
		{"upload_confirm", "POST", iot + "/upload/confirm", fmt.Sprintf(`{"file_id":%q}`, file.FileID)},
		{"upload_running", "GET", iot + "/notification?action=upload&ticket=" + unsent.UploadTicket, ""},
		{"print_post", "POST", iot + "/print", start},
		{"print", "GET", iot + "/print?force=true", ""},
		{"tasks", "GET", user + "/my/tasks", ""},
		{"task", "GET", user + "/my/task/1", ""},
		{"user_tasks", "GET", iot + "/task", ""},
		{"user_task", "GET", iot + "/task/1", ""},
		{"task_post", "POST", user + "/my/task", fmt.Sprintf(`{"deviceId":%q,"profileId":%q,"modelId":%q,"plateIndex":1,"title":"part","designId":null,"cfg":"0"}`, serial, file.ProfileID, file.ModelID)},
		{"notifications", "GET", iot + "/notification?unread=true", ""},
		{"messages", "GET", user + "/my/messages?limit=20", ""},
		{"slicer_resource", "GET", "/v1/iot-service/api/slicer/resource?slicer/plugins/cloud=02.06.00.00", ""},
	} {
		body := c.body
		w := h.Ask(c.method, withJob(t, h, c.target), body)
		if w.Code != 200 {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
			continue
		}
		golden(t, c.name, w.Body.Bytes())
	}
}

// withJob puts the newest job's number where the address has a 1 at its end.
func withJob(t *testing.T, h *resttest.House, target string) string {
	t.Helper()
	base, ok := strings.CutSuffix(target, "/task/1")
	if !ok {
		return target
	}
	tasks := resttest.Call[cloudapi.Tasks](t, h, 200, "GET", user+"/my/tasks", "")
	return fmt.Sprintf("%s/task/%d", base, tasks.Hits[0].ID)
}

// events makes two notifications.
func events(t *testing.T, h *resttest.House) {
	t.Helper()
	for i, kind := range []grove.EventType{grove.PrintCompleted, grove.PrinterError} {
		err := h.DB.AddEvents(t.Context(), []grove.Event{{
			UserID: h.UserID, Type: kind, At: time.Date(2026, 5, 1, 10, i, 0, 0, time.UTC),
			Data: grove.EventData{DeviceID: serial, DeviceName: "Bench", FileName: "part.gcode.3mf", Status: "x", Reason: "HMS_0300_0100_0001_0001"},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
}
