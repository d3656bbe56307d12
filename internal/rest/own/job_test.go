package own_test

import (
	"encoding/csv"
	"strconv"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
	"github.com/grovecloud/grove/printfile/sample"
)

const jobs = "/v1/grove-service/jobs"

// workshop is a house with a printer that is connected and a file of this name.
func workshop(t *testing.T, file string) (h *resttest.House, fileID string) {
	t.Helper()
	h = resttest.New(t, "off")
	const serial = "01P00A000000001"
	resttest.Call[cloudapi.Bound](t, h, 200, "POST", "/v1/iot-service/api/user/bind", `{"device_id":"`+serial+`","device_name":"=Bench"}`)
	h.Connect(t, serial, resttest.Report)
	return h, h.Upload(t, file, sample.ThreeMF()).FileID
}

func TestCopiesAreMadeOnceForAKey(t *testing.T) {
	t.Parallel()
	h, file := workshop(t, "cube.gcode.3mf")
	body := `{"file_id":"` + file + `","any":{},"copies":3}`
	first := h.Ask("POST", jobs, body, "Idempotency-Key", "k")
	again := h.Ask("POST", jobs, body, "Idempotency-Key", "k")
	if first.Code != 201 || again.Code != 201 || again.Body.String() != first.Body.String() {
		t.Fatalf("%d %s, again %d %s", first.Code, first.Body, again.Code, again.Body)
	}
	list := resttest.Call[cloudapi.Data[[]grove.Job]](t, h, 200, "GET", jobs+"?order=line&state=queued", "")
	if list.Pagination.Total != 3 || list.Data[0].Position >= list.Data[1].Position || list.Data[0].ID >= list.Data[2].ID {
		t.Errorf("%d jobs: %+v", list.Pagination.Total, list.Data)
	}
}

func TestAJobNamesItsPrinterOrLeavesItOpen(t *testing.T) {
	t.Parallel()
	h, file := workshop(t, "cube.gcode.3mf")
	for _, body := range []string{
		`{"file_id":"` + file + `"}`,
		`{"file_id":"` + file + `","device_id":"01P00A000000001","any":{}}`,
		`{"any":{}}`,
		`{"file_id":"` + file + `","any":{"colour":true}}`,
		`{"file_id":"` + file + `","any":{},"copies":101}`,
		`{"file_id":"` + file + `","any":{},"not_before":"tomorrow"}`,
	} {
		resttest.Refused(t, h, 400, 400, "POST", jobs, body)
	}
	resttest.Refused(t, h, 400, 400, "PATCH", jobs+"/1", `{"device_id":"S","any":{}}`)
	one := resttest.Call[cloudapi.Data[[]grove.Job]](t, h, 201, "POST", jobs, `{"file_name":"cube.gcode.3mf","device_id":"01P00A000000001"}`)
	if len(one.Data) != 1 || one.Data[0].Serial != "01P00A000000001" || one.Data[0].Any != nil {
		t.Errorf("%+v", one.Data)
	}
}

// TestTheVendorsFacesShowAJobWithoutAPrinter: clients read a task whose device is not
// known yet.
func TestTheVendorsFacesShowAJobWithoutAPrinter(t *testing.T) {
	t.Parallel()
	h, file := workshop(t, "cube.gcode.3mf")
	made := resttest.Call[cloudapi.Data[[]grove.Job]](t, h, 201, "POST", jobs, `{"file_id":"`+file+`","any":{}}`)
	id := made.Data[0].TaskID()
	tasks := resttest.Call[cloudapi.Tasks](t, h, 200, "GET", "/v1/user-service/my/tasks", "")
	if len(tasks.Hits) != 1 || tasks.Hits[0].DeviceID != "" || tasks.Hits[0].DeviceName != "" || tasks.Hits[0].Status != 1 || tasks.Hits[0].Title != "cube.gcode.3mf" {
		t.Errorf("%+v", tasks.Hits)
	}
	task := resttest.Call[cloudapi.Task](t, h, 200, "GET", "/v1/user-service/my/task/"+id, "")
	user := resttest.Call[cloudapi.UserTask](t, h, 200, "GET", "/v1/iot-service/api/user/task/"+id, "")
	prints := resttest.Call[cloudapi.Prints](t, h, 200, "GET", "/v1/iot-service/api/user/print", "")
	if task.ID != made.Data[0].ID || user.Data.TaskID != id || len(prints.Data.Jobs) != 1 || prints.Data.Jobs[0].DeviceID != "" || prints.Data.Jobs[0].Status != "queued" {
		t.Errorf("%+v %+v %+v", task, user, prints.Data)
	}
	named := resttest.Call[cloudapi.Tasks](t, h, 200, "GET", "/v1/user-service/my/tasks?deviceId=01P00A000000001", "")
	if len(named.Hits) != 0 {
		t.Errorf("listed for a printer: %+v", named.Hits)
	}
}

func TestTheTableOfJobsIsCSVThatNoSpreadsheetRuns(t *testing.T) {
	t.Parallel()
	const name = `=HYPERLINK("x"),1.gcode.3mf`
	h, file := workshop(t, name)
	resttest.Call[cloudapi.Data[[]grove.Job]](t, h, 201, "POST", jobs, `{"file_id":"`+file+`","device_id":"01P00A000000001"}`)
	stored := resttest.Call[cloudapi.Data[[]grove.Job]](t, h, 200, "GET", jobs, "").Data[0].FileName
	w := h.Ask("GET", jobs+"/export", "")
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/csv; charset=utf-8" || !strings.HasSuffix(w.Body.String(), "\r\n") {
		t.Fatalf("%d %v %q", w.Code, w.Header(), w.Body)
	}
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatal(rows, err)
	}
	cell := map[string]string{}
	for i, column := range rows[0] {
		cell[column] = rows[1][i]
	}
	if cell["file_name"] != "'"+stored || cell["device_name"] != "'=Bench" || cell["state"] != "queued" || cell["materials"] == "" || cell["started_at"] != "" {
		t.Errorf("%v", cell)
	}
	if none := h.Ask("GET", jobs+"/export?state=finished&from=2020-01-01T00:00:00Z&text=x", "").Body.String(); strings.Count(none, "\r\n") != 1 {
		t.Errorf("of nothing: %q", none)
	}
	resttest.Refused(t, h, 400, 400, "GET", jobs+"/export?state=lost", "")
	resttest.Refused(t, h, 400, 400, "GET", jobs+"/export?from=yesterday", "")
	if w := h.Ask("GET", jobs+"/export", "", "Authorization", "Bearer "+h.SignIn(t, "bob@grove.local", grove.Operator)); strings.Count(w.Body.String(), "\r\n") != 1 {
		t.Errorf("somebody else's: %s", w.Body)
	}
}

// From a real printer somebody takes the part off: no call makes one clear its plate.
func TestNoCallMakesAPrinterClearItsPlateByItself(t *testing.T) {
	t.Parallel()
	h, _ := workshop(t, "cube.gcode.3mf")
	const printers, at = "/v1/grove-service/printers", "/v1/grove-service/printers/01P00A000000001"
	const wish = `"auto_clear":true}`
	for _, call := range []struct {
		code               int // the cloud's clients may say what is not known here
		method, path, body string
	}{
		{200, "POST", "/v1/iot-service/api/user/bind", `{"device_id":"01P00A000000001",`},
		{200, "POST", "/v1/iot-service/api/user/bind", `{"device_id":"01P00A000000002",`},
		{400, "POST", printers, `{"host":"192.168.1.40","access_code":"12345678",`},
		{400, "PATCH", at, `{"name":"Bench",`},
	} {
		if w := h.Ask(call.method, call.path, call.body+wish); w.Code != call.code {
			t.Errorf("%s %s: %d %s", call.method, call.path, w.Code, w.Body)
		}
	}
	list := resttest.Call[cloudapi.Data[[]grove.Live]](t, h, 200, "GET", printers, "").Data
	for _, live := range list {
		if live.AutoClear {
			t.Errorf("%s clears its plate by itself", live.Serial)
		}
	}
	if len(list) != 2 {
		t.Errorf("%d printers", len(list))
	}
}

func TestAPrintersTagsAreBoundedWords(t *testing.T) {
	t.Parallel()
	h, _ := workshop(t, "cube.gcode.3mf")
	const at = "/v1/grove-service/printers/01P00A000000001"
	got := resttest.Call[cloudapi.Data[grove.Printer]](t, h, 200, "PATCH", at, `{"name":"Bench","tags":[" hall ","HALL","PETG"]}`)
	live := resttest.Call[cloudapi.Data[grove.Live]](t, h, 200, "GET", at, "")
	if strings.Join(got.Data.Tags, ",") != "hall,PETG" || strings.Join(live.Data.Tags, ",") != "hall,PETG" || live.Data.Name != "Bench" {
		t.Errorf("%+v %+v", got.Data, live.Data)
	}
	var many []string
	for i := range 21 {
		many = append(many, strconv.Quote(strconv.Itoa(i)))
	}
	for _, tags := range []string{`""`, `" "`, `"a\u0007b"`, `"` + strings.Repeat("ä", 41) + `"`, strings.Join(many, ",")} {
		resttest.Refused(t, h, 400, 400, "PATCH", at, `{"tags":[`+tags+`]}`)
	}
	resttest.Refused(t, h, 400, 400, "PATCH", at, `{"name":""}`)
	kept := resttest.Call[cloudapi.Data[grove.Printer]](t, h, 200, "PATCH", at, `{"tags":["`+strings.Repeat("ä", 40)+`"]}`)
	if len(kept.Data.Tags) != 1 || kept.Data.Name != "Bench" {
		t.Errorf("%+v", kept.Data)
	}
}
