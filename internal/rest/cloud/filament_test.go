package cloud_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

const spools = "/v1/design-user-service/my/filament/v2"

func hits(t *testing.T, h *resttest.House, query string) []cloudapi.FilamentItem {
	t.Helper()
	return resttest.Call[cloudapi.Filaments](t, h, 200, "GET", spools+query, "").Hits
}

func TestASpoolIsCountedChangedAndForgotten(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	if w := h.Ask("POST", spools, `{"filamentName":"Red","filamentVendor":"Ann","filamentType":"PLA","filamentId":"GFL99","color":"#FF0000","colorType":0,
		"colors":["#FF0000"],"netWeight":750,"totalNetWeight":1000,"note":"dry it","createType":3,"category":"PLA","status":"0","more":[1]}`); w.Code != 200 || strings.TrimSpace(w.Body.String()) != "{}" {
		t.Fatalf("add: %d %s", w.Code, w.Body)
	}
	got := hits(t, h, "?offset=0&limit=500")
	if len(got) != 1 || got[0].CreatedAt == 0 {
		t.Fatalf("listed %+v", got)
	}
	want := cloudapi.FilamentItem{
		ID: 1, CreateType: float64(3), Vendor: "Ann", Type: "PLA", Name: "Red", FilamentID: "GFL99", Color: "#FF0000", Colors: []string{"#FF0000"},
		NetWeight: 750, TotalNetWeight: 1000, Note: "dry it", CreatedAt: got[0].CreatedAt, UpdatedAt: got[0].UpdatedAt, Category: "PLA", SlotID: "",
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	changed := resttest.Call[cloudapi.FilamentChanged](t, h, 200, "PUT", spools, `{"id":"1","filamentName":"Dark red","status":1,"note":null}`).FilamentV2
	if changed.Name != "Dark red" || changed.Vendor != "Ann" || !changed.Depleted || changed.Note != "dry it" || changed.CreatedAt != want.CreatedAt {
		t.Errorf("changed %+v", changed)
	}
	resttest.Refused(t, h, 404, 404, "PUT", spools, `{"id":99,"filamentName":"x"}`)
	resttest.Refused(t, h, 404, 404, "PUT", spools, `{"id":1,"filamentName":"x"}`, "Authorization", "Bearer "+h.SignIn(t, "bob@grove.local", grove.Operator))
	for _, body := range []string{
		`{"filamentName":"a","color":"red"}`, `{"filamentName":"a","netWeight":-1}`, `{"filamentName":"a","netWeight":"much"}`, `{"color":"#FF0000"}`,
		`{"filamentName":"a","status":2}`, `{"filamentName":"a","createType":[]}`, `{"filamentName":"a","colorType":3}`, `{"filamentName":"` + strings.Repeat("a", 300) + `"}`,
	} {
		resttest.Refused(t, h, 400, 400, "POST", spools, body)
	}
	for range 2 {
		resttest.Call[cloudapi.Done](t, h, 200, "DELETE", spools+"/batch", `{"ids":["1"],"RFIDs":[]}`)
	}
	if left := hits(t, h, ""); len(left) != 0 {
		t.Errorf("left %+v", left)
	}
}

func TestSpoolsAreListedAsAsked(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for i := range 25 {
		resttest.Call[cloudapi.Done](t, h, 200, "POST", spools, fmt.Sprintf(`{"filamentName":"s%d","category":"c%d","status":%d,"RFID":"R%d"}`, i, i%2, i%5/4, i))
	}
	resttest.Call[cloudapi.Done](t, h, 200, "POST", spools, `{"filamentName":"again","RFID":"R24","category":"c0"}`)
	names := func(query string) string {
		var names []string
		for _, s := range hits(t, h, query) {
			names = append(names, s.Name)
		}
		return strings.Join(names, " ")
	}
	for query, want := range map[string]string{
		"?limit=2": "again s23", "?limit=2&offset=23": "s1 s0", "?category=c1&limit=1": "s23", "?status=1&limit=3": "s19 s14 s9",
		"?ids=1,3": "s2 s0", "?RFIDs=R7": "s7", "?offset=90": "",
	} {
		if got := names(query); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	if got := resttest.Call[cloudapi.Filaments](t, h, 200, "GET", spools, ""); got.Total != 25 || len(got.Hits) != 25 {
		t.Errorf("%d of %d", len(got.Hits), got.Total)
	}
	resttest.Refused(t, h, 400, 400, "GET", spools+"?status=9", "")
	resttest.Refused(t, h, 400, 400, "GET", spools+"?offset=-1", "")
}

func TestFilamentUnitsAndSlotsAreSynced(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	resttest.Call[cloudapi.Done](t, h, 200, "POST", spools, `{"filamentName":"mine"}`)
	sync := func(items string) cloudapi.AMSSynced {
		return resttest.Call[cloudapi.AMSSynced](t, h, 200, "POST", spools+"/ams/sync", fmt.Sprintf(`{"devId":%q,"items":[%s]}`, serial, items))
	}
	first := sync(`{"amsSn":"A","amsId":0,"slotId":"0","RFID":"R1","filamentName":"PLA Basic","filamentType":"PLA","color":"#00AE42","netWeight":1000},
		{"amsSn":"A","amsId":0,"slotId":1,"RFID":""}`)
	if diff := cmp.Diff(cloudapi.AMSSynced{CreatedRFIDs: []string{"R1"}, Results: []cloudapi.AMSResult{{AMSSerial: "A", SpoolID: 2}, {AMSSerial: "A", SlotID: 1}}}, first); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	mapped := resttest.Call[cloudapi.SlotsSynced](t, h, 200, "POST", spools+"/slot-mappings/sync", fmt.Sprintf(
		`{"devId":%q,"mappings":[{"amsId":0,"amsSn":"A","amsType":"ams","rfid":"","slotId":1,"spoolId":"1"},{"amsId":0,"amsSn":"A","slotId":2,"spoolId":77}]}`, serial))
	if diff := cmp.Diff([]cloudapi.SlotResult{{AMSSerial: "A", SlotID: 1}, {AMSSerial: "A", SlotID: 2, Code: 2}}, mapped.Results); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again := sync(`{"amsSn":"A","amsId":0,"slotId":3,"RFID":"R1"},{"amsSn":"A","amsId":0,"slotId":1}`)
	if again.CreatedRFIDs != nil || again.Results[0].SpoolID != 2 || again.Results[1].SpoolID != 1 {
		t.Errorf("synced again: %+v", again)
	}
	moved, byHand := hits(t, h, "?ids=2")[0], hits(t, h, "?ids=1")[0]
	if moved.SlotID != float64(3) || moved.Name != "PLA Basic" || !moved.InPrinter || byHand.SlotID != float64(1) || byHand.DeviceID != serial {
		t.Errorf("moved %+v, by hand %+v", moved, byHand)
	}
	resttest.Call[cloudapi.SlotsSynced](t, h, 200, "POST", spools+"/slot-mappings/sync", fmt.Sprintf(
		`{"devId":%q,"mappings":[{"amsId":0,"amsSn":"A","slotId":1,"spoolId":2},{"amsId":0,"amsSn":"A","slotId":3,"spoolId":0}]}`, serial))
	moved, byHand = hits(t, h, "?ids=2")[0], hits(t, h, "?ids=1")[0]
	if moved.SlotID != float64(1) || byHand.InPrinter || byHand.SlotID != "" {
		t.Errorf("swapped: %+v, %+v", moved, byHand)
	}
	for _, at := range []string{"/ams/sync", "/slot-mappings/sync"} {
		resttest.Refused(t, h, 400, 400, "POST", spools+at, `{"items":[]}`)
		resttest.Refused(t, h, 404, cloudapi.CodeDeviceNotFound, "POST", spools+at, `{"devId":"NOBODYS","items":[{"amsSn":"A","amsId":0,"slotId":0}],"mappings":[]}`)
	}
	many := strings.TrimSuffix(strings.Repeat(`{"amsId":0,"slotId":0},`, 65), ",")
	resttest.Refused(t, h, 400, 400, "POST", spools+"/ams/sync", fmt.Sprintf(`{"devId":%q,"items":[%s]}`, serial, many))
}

func TestFilamentsToChooseFromHaveMyOwn(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	keepPreset(t, h, "filament", `{"filament_id":"P1","filament_type":"PEEK","filament_vendor":"Ann"}`)
	keepPreset(t, h, "filament", `{"inherits":"x"}`)
	got := resttest.Call[cloudapi.FilamentConfig](t, h, 200, "GET", "/v1/design-user-service/filament/config", "")
	last := got.FilamentSettings[len(got.FilamentSettings)-1]
	if last != (cloudapi.FilamentSetting{Vendor: "Ann", Type: "PEEK", Name: "Mine", FilamentID: "P1"}) {
		t.Errorf("got %+v", last)
	}
	if got.Categories[0] != "PLA" || got.Categories[len(got.Categories)-1] != "PEEK" || got.FilamentSettings[0].FilamentID != "GFL99" {
		t.Errorf("got %+v", got)
	}
}

func TestAWeightThatIsTextIsRefusedByItsName(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	e := resttest.Refused(t, h, 400, 400, "POST", spools, `{"filamentName":"mine","netWeight":"1000"}`)
	if !strings.Contains(e.Details.Fields["netWeight"], "type mismatch") {
		t.Errorf("got %+v", e)
	}
}
