package cloud_test

import (
	"fmt"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

const setting = "/v1/iot-service/api/slicer/setting"

// keepPreset creates a preset of ann's and gives its id.
func keepPreset(t testing.TB, h *resttest.House, kind, values string) string {
	t.Helper()
	body := fmt.Sprintf(`{"name":"Mine","type":%q,"version":"02.06.00.00","base_id":null,"public":false,"setting":%s,"more":1}`, kind, values)
	made := resttest.Call[cloudapi.SettingSaved](t, h, 200, "POST", setting, body)
	if made.Message != "success" || made.UpdateTime == "" {
		t.Fatalf("got %+v", made)
	}
	return made.SettingID
}

func presets(t *testing.T, h *resttest.House, headers ...string) cloudapi.Settings {
	t.Helper()
	return resttest.Call[cloudapi.Settings](t, h, 200, "GET", setting+"?version=1.10.0.89&public=false", "", headers...)
}

func TestAPresetLivesFromPostToDelete(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	const values = `{"filament_id":"P1234567","filament_vendor":["\"Ann Inc\""],"filament_type":"PETG;PETG","nozzle_temperature_range_low":["220"],
		"nozzle_temperature_range_high":"250,260","filament_is_support":"1","required_nozzle_HRC":3,"inherits":"Generic PETG"}`
	id := keepPreset(t, h, "filament", values)
	list := presets(t, h)
	if len(list.Filament.Private) != 1 || len(list.Print.Private)+len(list.Printer.Private) != 0 {
		t.Fatalf("listed %+v", list)
	}
	got := list.Filament.Private[0]
	want := cloudapi.SettingItem{
		SettingID: id, UserID: strconv.FormatInt(h.UserID, 10), Version: "02.06.00.00", Name: "Mine", UpdateTime: got.UpdateTime, UpdatedTime: got.UpdateTime,
		Inherits: "Generic PETG", FilamentID: "P1234567", FilamentVendor: "Ann Inc", FilamentType: "PETG", FilamentIsSupport: true,
		NozzleTemperature: [2]int{220, 250}, NozzleHRC: 3,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	w := h.Ask("GET", setting+"/"+id+"?version=1.0.0.0", "")
	for _, part := range []string{`"filament_type":"PETG;PETG"`, `"filament_vendor":["\"Ann Inc\""]`, `"required_nozzle_HRC":3`, `"public":false`, `"type":"filament"`} {
		if w.Code != 200 || !strings.Contains(w.Body.String(), part) {
			t.Errorf("%d %s lacks %s", w.Code, w.Body, part)
		}
	}
	changed := resttest.Call[cloudapi.SettingSaved](t, h, 200, "PATCH", setting+"/"+id, `{"name":"Other","setting":{"filament_id":null}}`)
	if changed.SettingID != id {
		t.Errorf("changed %+v", changed)
	}
	item := presets(t, h).Filament.Private[0]
	if item.Name != "Other" || item.Version != "02.06.00.00" || item.FilamentID != "" || item.NozzleTemperature != [2]int{} {
		t.Errorf("after the change: %+v", item)
	}
	for range 2 { // deleting again is fine
		resttest.Call[cloudapi.Envelope](t, h, 200, "DELETE", setting+"/"+id+"?version=1.0.0.0", "")
	}
	if left := presets(t, h).Filament.Private; len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

func TestIDsOfPresetsTellTheirType(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for kind, family := range map[string]string{"print": "PPUS", "filament": "PFUS", "printer": "PMUS"} {
		if id := keepPreset(t, h, kind, `{}`); !regexp.MustCompile(`^` + family + `[0-9a-f]{14}$`).MatchString(id) {
			t.Errorf("%s: %s", kind, id)
		}
	}
	list := presets(t, h)
	if len(list.Print.Private) != 1 || len(list.Printer.Private) != 1 || len(list.Filament.Private) != 1 {
		t.Errorf("listed %+v", list)
	}
}

// TestNoListOfPresetsHasNulls: one client indexes what a list has without asking.
func TestNoListOfPresetsHasNulls(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for _, values := range []string{`{}`, `{"filament_id":["x"]}`, `null`, `{"filament_id":7,"nozzle_temperature":{"a":[]},"filament_vendor":[]}`} {
		keepPreset(t, h, "filament", values)
	}
	w := h.Ask("GET", setting+"?version=1.10.0.89", "")
	body := strings.Replace(w.Body.String(), `"error":null`, "", 1)
	if w.Code != 200 || strings.Contains(body, "null") || strings.Count(body, `"nozzle_temperature":[0,0]`) != 4 || !strings.Contains(body, `"public":[]`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestPresetsAnswerMistakesAsTheVendorDoes(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	id := keepPreset(t, h, "print", `{"layer_height":"0.2"}`)
	bob := []string{"Authorization", "Bearer " + h.SignIn(t, "bob@grove.local", grove.Operator)}

	for _, w := range []*httptest.ResponseRecorder{
		h.Ask("GET", setting, ""), h.Ask("GET", setting+"?version=&public=false", ""), h.Ask("POST", setting, `{"name":"a","type":"print","setting":{}}`),
	} {
		if w.Code != 400 || w.Body.String() != `field "version" is not set` || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
			t.Errorf("no version: %d %q %v", w.Code, w.Body, w.Header())
		}
	}
	for _, version := range []string{"1.2.3", "abc", "1.2.3.x", "1.2.3.4.5", "-1.2.3.4"} {
		w := h.Ask("GET", setting+"?version="+version, "")
		resttest.Told(t, w, 422, 422)
		if !strings.Contains(w.Body.String(), `"detail":"Invalid input parameters"`) {
			t.Errorf("%s: %s", version, w.Body)
		}
	}
	for _, body := range []string{
		`{"type":"print","version":"1.0.0.0","setting":{}}`, `{"name":"a","version":"1.0.0.0","setting":{}}`,
		`{"name":"a","type":"colour","version":"1.0.0.0"}`, `{"name":"a","type":"print","version":"1.0.0.0","public":true}`,
		`{"name":"a","type":"print","version":"1.0.0.0","setting":"x"}`, `{"name":7,"type":"print","version":"1.0.0.0"}`,
		`{"name":"` + strings.Repeat("a", 256) + `","type":"print","version":"1.0.0.0"}`,
	} {
		resttest.Refused(t, h, 400, 400, "POST", setting, body)
	}
	long := fmt.Sprintf(`{"name":"a","type":"print","version":"1.0.0.0","setting":{"a":%q}}`, strings.Repeat("a", 129<<10))
	resttest.Refused(t, h, 413, 413, "POST", setting, long)
	resttest.Refused(t, h, 413, 413, "PATCH", setting+"/"+id, long)
	resttest.Refused(t, h, 400, 400, "PATCH", setting+"/"+id, `{"type":"filament"}`)
	resttest.Refused(t, h, 422, 422, "PATCH", setting+"/"+id, `{"version":"new"}`)
	for _, gone := range []string{"PPUS00000000000000", "GFSL99", "x"} {
		resttest.Refused(t, h, 400, 400, "GET", setting+"/"+gone, "")
		resttest.Refused(t, h, 422, 422, "PATCH", setting+"/"+gone, `{"name":"a"}`)
	}
	resttest.Refused(t, h, 400, 400, "GET", setting+"/"+id, "", bob...)
	resttest.Refused(t, h, 422, 422, "PATCH", setting+"/"+id, `{"name":"his"}`, bob...)
	resttest.Call[cloudapi.Envelope](t, h, 200, "DELETE", setting+"/"+id, "", bob...)
	if left := presets(t, h).Print.Private; len(left) != 1 || left[0].Name != "Mine" {
		t.Errorf("bob changed it: %+v", left)
	}
	if his := presets(t, h, bob...); len(his.Print.Private) != 0 {
		t.Errorf("bob sees %+v", his)
	}
}

func TestOnePresetTooManyIsCode14(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for range 100 {
		keepPreset(t, h, "print", `{}`)
	}
	resttest.Refused(t, h, 403, cloudapi.CodeQuotaExhausted, "POST", setting, `{"name":"a","type":"print","version":"1.0.0.0","setting":{}}`)
	keepPreset(t, h, "filament", `{}`)
}
