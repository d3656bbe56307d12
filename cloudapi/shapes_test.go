package cloudapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// shapes are an example of every answer, so that a change of a name or a type
// shows in a golden file.
func shapes() map[string]any {
	device := Device{
		ID: "TEST00000000001", Name: "Bench", DevName: "Bench", Online: true, DevOnline: true, PrintStatus: "RUNNING",
		TaskStatus: "RUNNING", ModelName: "C12", ProductName: "P1S", AccessCode: "12345678", NozzleDiameter: 0.4,
		Structure: "CoreXY", PrintJob: 7,
	}
	when := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	page := Pages(1, false, grove.Page{Page: 1, Limit: 20})
	text := "7"
	return map[string]any{
		"login":   Login{AccessToken: "T", RefreshToken: "T", ExpiresIn: 7776000, RefreshExpiresIn: 7776000, Success: true},
		"profile": Profile{Message: "success", UID: 1000001, UIDStr: "1000001", Data: ProfileData{UserID: "1000001"}},
		"preference": Preference{
			UID: 1000001, Name: "ann", Links: []string{},
		},
		"bind":        Devices{Envelope: Success(), Devices: []Device{device}, Total: 1, Pagination: page},
		"bound":       Bound{Envelope: Success(), Devices: []Device{device}, Data: BoundData{BindID: device.ID, DeviceInfo: device, DeviceSecret: "s"}},
		"bind_list":   BindList{Envelope: Success(), BindList: []Holder{{DeviceID: "S1", UserID: &text, UserName: &text}, {DeviceID: "S2"}}},
		"device_info": DeviceInfo{Envelope: Success(), Device: device, Bind: []Device{device}},
		"device_version": Versions{Envelope: Success(), Devices: []DeviceVersion{{
			DeviceID: device.ID, Firmware: []Firmware{}, AMS: []AMSVersion{{Firmware: []Firmware{}, Tray: []json.RawMessage{}}}, Modules: []Module{},
		}}, Data: &VersionSummary{CurrentVersion: "01.08.02.00"}},
		"prints": Prints{Envelope: Success(), Devices: []PrintDevice{{Device: device, TaskID: &text, Print: json.RawMessage(`{"mc_percent":1.0}`)}}, Data: PrintJobs{Jobs: []PrintJob{{JobID: "7"}}}},
		"print_started": PrintStarted{Envelope: Success(), JobID: "7", Status: "queued", Data: PrintStartedID{
			JobID: "7", Status: "queued",
		}},
		"tasks":           Tasks{Total: 1, Hits: []Task{{ID: 7, Status: TaskRunning, Weight: 12.5, Length: 418, AMSDetailMapping: []AMSDetail{{}}, NozzleInfos: []map[string]any{}}}, Pagination: page},
		"task_created":    TaskCreated{Envelope: Success(), ID: 7},
		"user_task":       UserTask{Envelope: Success(), Content: `{"info":{"plate_idx":1}}`, Context: Context{Plates: []ContextPlate{}}},
		"user_tasks":      UserTasks{Envelope: Success(), Tasks: []Task{}, Hits: []Task{}},
		"messages":        Messages{Hits: []Message{{ID: 7, Type: MessageOfPrint}}, Total: 1},
		"camera":          Camera{Envelope: Success(), URL: "https://c/c/S/1.s/snapshot.jpg", ExpiresIn: 60},
		"message_count":   MessageCount{Total: 2, Count: 1, Unread: 1},
		"model_profile":   ModelProfile{ProfileID: 2, ModelID: "US1", Title: "part.3mf"},
		"upload":          Upload{Envelope: Success(), Host: "user", FileID: "f_1", URLs: []UploadURL{{"filename", "part.3mf", "https://c/u"}}},
		"confirmed":       Confirmed{Envelope: Success(), FileItem: FileItem{FileID: "f_1"}, Data: FileItem{FileID: "f_1"}},
		"files":           Files{Envelope: Success(), Files: []FileItem{{FileID: "f_1", CreatedAt: FormatTime(when)}}, Total: 1},
		"projects":        Projects{Envelope: Success(), Projects: []Project{{ProjectID: "1", Content: "{}"}}, Total: 1},
		"project":         ProjectDetail{Envelope: Success(), ProjectID: "1", Profiles: []PrintProfile{{ProfileID: "2"}}},
		"project_new":     ProjectCreated{Envelope: Success(), ProjectID: "1", ModelID: "US1", ProfileID: "2", UploadURL: "https://c/u", UploadTicket: "t"},
		"print_profile":   ProfileDetail{Envelope: Success(), PrintProfile: PrintProfile{ProfileID: "2"}, FileName: "part.3mf"},
		"notifications":   Notifications{Envelope: Success(), Notifications: []Notice{{ID: "ntf_1"}}, Data: NotificationsData{Notifications: []Notice{{ID: "ntf_1"}}}},
		"upload_state":    UploadState{Message: UploadRunning},
		"resources":       Resources{Envelope: Success(), Resources: []Resource{}},
		"filaments":       Filaments{Total: 1, Hits: []FilamentItem{{ID: 7, CreateType: "manual", Colors: []string{}, SlotID: ""}}},
		"filament_config": FilamentConfig{Categories: []string{"PLA"}, FilamentSettings: []FilamentSetting{{Vendor: "Generic", Type: "PLA"}}},
		"ams_synced":      AMSSynced{Results: []AMSResult{{AMSSerial: "S", SlotID: 1, SpoolID: 7}}},
		"slots_synced":    SlotsSynced{Results: []SlotResult{{AMSSerial: "S", SlotID: 1, Code: CodeNotFound}}},
		"settings":        Settings{Envelope: Success(), Filament: SettingLists{Public: []SettingItem{}, Private: []SettingItem{{SettingID: "PFUS1"}}}, Settings: map[string]string{}},
		"setting":         SettingDetail{Envelope: Success(), SettingID: "PFUS1", Setting: map[string]json.RawMessage{"a": json.RawMessage(`["1"]`)}},
		"setting_saved":   SettingSaved{Envelope: Success(), SettingID: "PFUS1"},
		"ttcode":          TTCode{Envelope: Success(), Streams: []string{}, Peers: []string{}},
		"own_list":        ListOf(grove.List[string]{Items: []string{"a"}, Total: 3, More: true}, grove.Page{Limit: 1, Offset: 1}),
		"own_webhook":     Of(WebhookCreated{Endpoint: grove.Endpoint{ID: "wh_1", Events: []grove.EventType{grove.PrintFailed}, CreatedAt: when}, Secret: "whsec_x"}),
		"own_file":        Of(StoredFile{File: grove.File{ID: "f_1", CreatedAt: when}, ContentURL: "https://c/f"}),
	}
}

func TestShapesKeepTheirNamesAndTypes(t *testing.T) {
	t.Parallel()
	for name, shape := range shapes() {
		got, err := json.MarshalIndent(shape, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		compareGolden(t, name, append(got, '\n'))
	}
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// TestTypesThatBreakClients is the table of types that typed clients fail on.
func TestTypesThatBreakClients(t *testing.T) {
	t.Parallel()
	tests := []struct {
		shape string
		path  []any
		want  string // number, string, null, array, bool
	}{
		{"tasks", []any{"total"}, "integer"},
		{"tasks", []any{"hits", 0, "id"}, "integer"},
		{"tasks", []any{"hits", 0, "designId"}, "integer"},
		{"tasks", []any{"hits", 0, "profileId"}, "integer"},
		{"tasks", []any{"hits", 0, "plateIndex"}, "integer"},
		{"tasks", []any{"hits", 0, "status"}, "integer"},
		{"tasks", []any{"hits", 0, "costTime"}, "integer"},
		{"tasks", []any{"hits", 0, "length"}, "integer"},
		{"tasks", []any{"hits", 0, "weight"}, "number"},
		{"tasks", []any{"hits", 0, "amsDetailMapping", 0, "ams"}, "integer"},
		{"preference", []any{"uid"}, "integer"},
		{"profile", []any{"uidStr"}, "string"},
		{"profile", []any{"uid"}, "integer"},
		{"project_new", []any{"project_id"}, "string"},
		{"project_new", []any{"model_id"}, "string"},
		{"project_new", []any{"profile_id"}, "string"},
		{"prints", []any{"devices", 0, "task_id"}, "string"},
		{"prints", []any{"devices", 0, "task_name"}, "null"},
		{"bind", []any{"devices", 0, "nozzle_diameter"}, "number"},
		{"bind", []any{"devices", 0, "print_job"}, "integer"},
		{"bind", []any{"code"}, "integer"},
		{"bind", []any{"error"}, "null"},
		{"bind", []any{"devices", 0, "dev_id"}, "string"},
		{"device_version", []any{"devices", 0, "firmware"}, "array"},
		{"task_created", []any{"id"}, "integer"},
		{"login", []any{"success"}, "bool"},
		{"login", []any{"expiresIn"}, "integer"},
		{"resources", []any{"software"}, "null"},
		{"bind_list", []any{"bind_list", 0, "user_id"}, "string"},
		{"bind_list", []any{"bind_list", 1, "user_id"}, "null"},
	}
	all := shapes()
	for _, tt := range tests {
		raw, err := json.Marshal(all[tt.shape])
		if err != nil {
			t.Fatal(err)
		}
		if got := typeAt(t, raw, tt.path); got != tt.want {
			t.Errorf("%s %v is %s, want %s", tt.shape, tt.path, got, tt.want)
		}
	}
}

func typeAt(t *testing.T, raw []byte, path []any) string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, ok := v.(map[string]any)
			if _, there := m[step]; !ok || !there {
				t.Fatalf("%v: no member %q", path, step)
			}
			v = m[step]
		case int:
			v = v.([]any)[step]
		}
	}
	switch v := v.(type) {
	case json.Number:
		if _, err := v.Int64(); err == nil {
			return "integer"
		}
		return "number"
	case string:
		return "string"
	case bool:
		return "bool"
	case []any:
		return "array"
	case nil:
		return "null"
	}
	return "object"
}

func TestIntReadsNumbersAndNumericText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want Int
		fail bool
	}{
		{in: `12`, want: 12},
		{in: `"12"`, want: 12},
		{in: `null`},
		{in: `""`},
		{in: `"x"`, fail: true},
		{in: `1.5`, fail: true},
		{in: `true`, fail: true},
		{in: `{}`, fail: true},
	}
	for _, tt := range tests {
		var got struct{ N Int }
		err := json.Unmarshal([]byte(`{"N":`+tt.in+`}`), &got)
		if got.N != tt.want || (err != nil) != tt.fail {
			t.Errorf("%s: got %d, %v", tt.in, got.N, err)
		}
	}
}

func TestTimesAreReadInBothForms(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 5, 1, 10, 0, 9, 0, time.UTC)
	for _, in := range []string{"2026-05-01 10:00:09", "2026-05-01T10:00:09Z", "2026-05-01T12:00:09+02:00"} {
		got, err := ParseTime(in)
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: got %v, %v", in, got, err)
		}
	}
	if _, err := ParseTime("yesterday"); err == nil {
		t.Error("a word was read as a time")
	}
	if got := FormatTime(want.In(time.FixedZone("x", 3600))); got != "2026-05-01 10:00:09" {
		t.Errorf("written as %q", got)
	}
	if got := FormatTime(time.Time{}); got != "" {
		t.Errorf("no time is written as %q", got)
	}
}

func TestPagesCountFromOne(t *testing.T) {
	t.Parallel()
	tests := []struct {
		page grove.Page
		want grove.Pagination
	}{
		{grove.Page{Limit: 20}, grove.Pagination{Page: 1, Limit: 20, Total: 50, HasMore: true}},
		{grove.Page{Page: 2, Limit: 20}, grove.Pagination{Page: 2, Limit: 20, Total: 50, HasMore: true}},
		{grove.Page{Limit: 20, Offset: 20}, grove.Pagination{Page: 2, Limit: 20, Total: 50, HasMore: true}},
		{grove.Page{}, grove.Pagination{Page: 1, Limit: 50, Total: 50, HasMore: true}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, *Pages(50, true, tt.page)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.page, diff)
		}
	}
}

func TestEnvironmentsKnowTheirBrokersOrSayThatNobodyDoes(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, api, broker string }{
		{"global", "https://api.bambulab.com", "us.mqtt.bambulab.com:8883"},
		{"china", "https://api.bambulab.cn", "cn.mqtt.bambulab.com:8883"},
		{"dev", "https://api-dev.bambulab.net", "dev.mqtt.bambu-lab.com:8883"},
		{"qa", "https://api-qa.bambulab.net", ""},
		{"pre", "https://api-pre.bambulab.net", ""},
		{"pre-us", "https://api-pre-us.bambulab.net", ""},
	}
	for _, tt := range tests {
		env, err := LookupEnvironment(tt.name)
		if err != nil || env.API != tt.api {
			t.Fatalf("%s: %+v, %v", tt.name, env, err)
		}
		broker, err := env.Broker()
		if broker != tt.broker || (err == nil) != (tt.broker != "") {
			t.Errorf("%s: broker %q, %v", tt.name, broker, err)
		}
		if err != nil && !grove.HasReason(err, "unknown_broker") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := LookupEnvironment("mars"); !grove.HasReason(err, "unknown_environment") {
		t.Errorf("mars: %v", err)
	}
}

// Each name is one that a certificate may carry, and those that clients have built
// in are among them.
func TestTheVendorsHostsAreNames(t *testing.T) {
	t.Parallel()
	hosts := VendorHosts()
	for _, want := range []string{
		"api.bambulab.com", "bambulab.com", "us.mqtt.bambulab.com", "api.bambulab.cn", "bambulab.cn", "cn.mqtt.bambulab.com", "cn.mqtt.bambulab.cn",
		"api-dev.bambulab.net", "dev.mqtt.bambu-lab.com", "*.mqtt.bambulab.com",
	} {
		if !slices.Contains(hosts, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, h := range hosts {
		if strings.ContainsAny(h, ":/ ") || !strings.Contains(h, ".") {
			t.Errorf("%q is no name", h)
		}
	}
}
