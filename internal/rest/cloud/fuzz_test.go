package cloud_test

import (
	"strings"
	"testing"

	"github.com/grovecloud/grove/internal/rest/resttest"
)

// slicerRoutes take what slicers send. Whatever comes, each answers, and never that
// the server is at fault.
var slicerRoutes = []struct{ method, target, body string }{
	{"POST", setting, `{"name":"a","type":"filament","version":"1.0.0.0","public":false,"base_id":null,"setting":{"filament_id":["x"],"nozzle_temperature_range_low":"220,220"}}`},
	{"PATCH", setting + "/ID", `{"name":"b","version":"1.0.0.1","setting":{"a":{"b":[1,null]}}}`},
	{"POST", spools, `{"filamentName":"a","color":"#FF0000","colors":["#00FF00"],"netWeight":1e2,"createType":"x","status":"1","RFID":"r"}`},
	{"PUT", spools, `{"id":"1","filamentName":"b","note":null,"colorType":2}`},
	{"DELETE", spools + "/batch", `{"ids":["1",2],"RFIDs":["r"]}`},
	{"POST", spools + "/ams/sync", `{"devId":"S","items":[{"amsId":"0","amsSn":"A","slotId":"","RFID":"r","filamentName":"n"}]}`},
	{"POST", spools + "/slot-mappings/sync", `{"devId":"S","mappings":[{"amsId":0,"amsType":7,"slotId":1,"spoolId":"1","rfid":""}]}`},
	{"PATCH", iot + "/project/PROJECT", `{"profile_id":"1","profile_print_3mf":[{"comments":null,"md5":"AB","plate_idx":"1","url":"ftp://a"}]}`},
	{"POST", user + "/my/task", `{"deviceId":"S","profileId":"1","plateIndex":1,"amsMapping2":[{"amsId":255,"slotId":0}],"title":"a"}`},
	{"POST", user + "/my/message/read", `{"ids":["1"],"id":1}`},
	{"POST", user + "/user/consent", `{"consentBody":"{}"}`},
	{"POST", user + "/user/devicetoken", `{"a":[{}]}`},
}

func FuzzWhatSlicersSendIsAnswered(f *testing.F) {
	for i, r := range slicerRoutes {
		f.Add(uint8(i), r.body)
		f.Add(uint8(i), r.body[:len(r.body)/2])
	}
	h := resttest.New(f, "off")
	id := keepPreset(f, h, "filament", `{}`)
	project := h.Upload(f, "part.gcode.3mf", sliced()).ProjectID
	names := strings.NewReplacer("ID", id, "PROJECT", project)
	f.Fuzz(func(t *testing.T, route uint8, body string) {
		r := slicerRoutes[int(route)%len(slicerRoutes)]
		if w := h.Ask(r.method, names.Replace(r.target), body); w.Code >= 500 {
			t.Errorf("%s %s %q: %d %s", r.method, r.target, body, w.Code, w.Body)
		}
		for _, read := range []string{setting + "?version=1.0.0.0", setting + "/" + id, spools, "/v1/design-user-service/filament/config", iot + "/project/" + project} {
			if w := h.Ask("GET", read, ""); w.Code != 200 {
				t.Errorf("after %s %s %q, %s: %d %s", r.method, r.target, body, read, w.Code, w.Body)
			}
		}
	})
}
