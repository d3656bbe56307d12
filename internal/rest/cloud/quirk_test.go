package cloud_test

import (
	"crypto/md5"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
	"github.com/grovecloud/grove/printfile/sample"
)

// TestEachDocumentedCodeHasARealCause makes 1001 to 1006 happen.
func TestEachDocumentedCodeHasARealCause(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	solid := h.Upload(t, "solid.stl", sample.STL())
	offline := "01P00A000000009"
	resttest.Call[cloudapi.Bound](t, h, 200, "POST", iot+"/bind", fmt.Sprintf(`{"device_id":%q}`, offline))
	printable := h.Upload(t, "part.gcode.3mf", sliced())

	resttest.Refused(t, h, 401, cloudapi.CodeInvalidToken, "GET", iot+"/bind", "", "Authorization", "Bearer nonsense")
	resttest.Refused(t, h, 404, cloudapi.CodeDeviceNotFound, "GET", iot+"/device/info?device_id=NOBODYS", "")
	resttest.Refused(t, h, 409, cloudapi.CodeDeviceOffline, "POST", iot+"/print", fmt.Sprintf(`{"device_id":%q,"file_id":%q}`, offline, printable.FileID))
	e := resttest.Refused(t, h, 422, cloudapi.CodePrintFailed, "POST", iot+"/print", fmt.Sprintf(`{"device_id":%q,"file_id":%q}`, serial, solid.FileID))
	if !strings.Contains(e.Details.Reason, "solid.stl") {
		t.Errorf("the reason does not name the file: %q", e.Details.Reason)
	}
	resttest.Refused(t, h, 422, cloudapi.CodeUploadFailed, "POST", iot+"/upload", `{"filename":"virus.exe"}`)

	h.Ask("POST", user+"/my/logout", `{"refreshtoken":""}`)
	resttest.Refused(t, h, 401, cloudapi.CodeInvalidToken, "GET", iot+"/bind", "")
}

func TestLoginAnswersAsTheStateTableSays(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	const at = user + "/user/login"
	good := fmt.Sprintf(`{"account":"Ann@Grove.Local","password":%q}`, resttest.Password)
	got := resttest.Call[cloudapi.Login](t, h, 200, "POST", at, good, "Authorization", "")
	if got.AccessToken == "" || got.AccessToken != got.RefreshToken || !got.Success || got.TFAKey != "" || got.LoginType != "" || got.ExpiresIn != 7776000 {
		t.Errorf("got %+v", got)
	}
	for _, body := range []string{`{"account":"ann@grove.local","password":"wrong"}`, `{"account":"nobody@grove.local","password":"wrong"}`} {
		e := resttest.Refused(t, h, 400, cloudapi.CodeIncorrect, "POST", at, body, "Authorization", "")
		if e.Name != "Incorrect password" || e.Message != "Incorrect password" {
			t.Errorf("%s: %+v", body, e)
		}
	}
	for _, account := range []string{"ann@grove.local", "nobody@grove.local"} {
		e := resttest.Refused(t, h, 400, cloudapi.CodeIncorrect, "POST", at, fmt.Sprintf(`{"account":%q,"code":"123456"}`, account), "Authorization", "")
		if e.Name != "Incorrect code" || e.Message != "Incorrect code" || e.Details.Cause != grove.ReasonWrongCode {
			t.Errorf("%s: %+v", account, e)
		}
	}
	for _, body := range []string{`{}`, `{"account":"ann@grove.local"}`, `{"password":"x"}`, `{"code":"123456"}`} {
		resttest.Refused(t, h, 400, 400, "POST", at, body, "Authorization", "")
	}
	if w := h.Ask("POST", at, good, "Content-Type", "text/plain"); w.Code != 200 {
		t.Errorf("as text: %d %s", w.Code, w.Body)
	}
}

func TestLoginsAreLimited(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off,login=2/min")
	body := fmt.Sprintf(`{"account":"ann@grove.local","password":%q}`, resttest.Password)
	for range 2 {
		resttest.Call[cloudapi.Login](t, h, 200, "POST", user+"/user/login", body)
	}
	e := resttest.Refused(t, h, 429, 429, "POST", user+"/user/login", body)
	if e.Details.RetryAfter < 1 {
		t.Errorf("no wait: %+v", e)
	}
	const withCode = `{"account":"bob@grove.local","code":"123456"}`
	for range 2 {
		resttest.Refused(t, h, 400, cloudapi.CodeIncorrect, "POST", user+"/user/login", withCode)
	}
	resttest.Refused(t, h, 429, 429, "POST", user+"/user/login", withCode)
}

func TestUnbindingSpeaksBothDialects(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string][2]string{
		"query": {iot + "/bind?dev_id=" + serial, ""},
		"body":  {iot + "/bind", fmt.Sprintf(`{"dev_id":%q,"force":false}`, serial)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := bound(t, "off")
			resttest.Call[cloudapi.Envelope](t, h, 200, "DELETE", ask[0], ask[1])
			left := resttest.Call[cloudapi.Devices](t, h, 200, "GET", iot+"/bind", "")
			if len(left.Devices) != 0 {
				t.Errorf("still bound: %+v", left.Devices)
			}
			resttest.Refused(t, h, 404, cloudapi.CodeDeviceNotFound, "DELETE", ask[0], ask[1])
		})
	}
	h := bound(t, "off")
	resttest.Refused(t, h, 400, 400, "DELETE", iot+"/bind", "")
}

func TestPrintersAndFilesOfOthersDoNotExist(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	file := h.Upload(t, "part.gcode.3mf", sliced())
	started := resttest.Call[cloudapi.PrintStarted](t, h, 200, "POST", iot+"/print", fmt.Sprintf(`{"device_id":%q,"file_id":%q}`, serial, file.FileID))
	bob := []string{"Authorization", "Bearer " + h.SignIn(t, "bob@grove.local", grove.Operator)}
	for _, c := range []struct{ method, target, body string }{
		{"GET", iot + "/device/info?device_id=" + serial, ""},
		{"GET", iot + "/device/version?dev_id=" + serial, ""},
		{"PATCH", iot + "/device/info", fmt.Sprintf(`{"dev_id":%q,"dev_name":"mine"}`, serial)},
		{"DELETE", iot + "/bind?dev_id=" + serial, ""},
		{"POST", iot + "/print", fmt.Sprintf(`{"device_id":%q,"file_id":%q}`, serial, file.FileID)},
		{"POST", user + "/my/task", fmt.Sprintf(`{"deviceId":%q,"profileId":%s,"modelId":%q,"title":"x"}`, serial, file.ProfileID, file.ModelID)},
		{"POST", iot + "/ttcode", fmt.Sprintf(`{"dev_id":%q}`, serial)},
	} {
		resttest.Refused(t, h, 404, cloudapi.CodeDeviceNotFound, c.method, c.target, c.body, bob...)
	}
	for _, c := range []struct{ method, target, body string }{
		{"GET", iot + "/project/" + file.ProjectID, ""},
		{"PATCH", iot + "/project/" + file.ProjectID, `{}`},
		{"GET", iot + "/profile/" + file.ProfileID, ""},
		{"POST", iot + "/upload/confirm", fmt.Sprintf(`{"file_id":%q}`, file.FileID)},
		{"GET", user + "/my/task/" + started.JobID, ""},
		{"GET", iot + "/task/" + started.JobID, ""},
		{"GET", iot + "/project/abc", ""},
		{"PUT", iot + "/notification", `{"notification_id":"ntf_x","read":true}`},
	} {
		resttest.Refused(t, h, 404, 404, c.method, c.target, c.body, bob...)
	}
	if got := resttest.Call[cloudapi.Tasks](t, h, 200, "GET", user+"/my/tasks?deviceId="+serial, "", bob...); got.Total != 0 {
		t.Errorf("bob sees %+v", got)
	}
	e := resttest.Refused(t, h, 409, 409, "POST", iot+"/bind", fmt.Sprintf(`{"device_id":%q,"bind_code":"87654321"}`, serial), bob...)
	if e.Details.Cause != "printer_bound" {
		t.Errorf("got %+v", e)
	}
}

func TestUploadsEndClearly(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	content := string(sample.STL())
	link := func(wish string) cloudapi.Upload {
		return resttest.Call[cloudapi.Upload](t, h, 200, "POST", iot+"/upload", wish)
	}
	put := func(url, body string) *httptest.ResponseRecorder {
		return h.Ask("PUT", url, body, "Authorization", "", "Content-Type", "text/plain")
	}
	whole := link(`{"filename":"a.stl"}`)
	if w := put(whole.UploadURL, content); w.Code != 200 {
		t.Fatalf("put: %d %s", w.Code, w.Body)
	}
	resttest.Told(t, put(whole.UploadURL, content), 409, 409)
	resttest.Told(t, put(strings.Replace(link(`{"filename":"a.stl"}`).UploadURL, "Signature=", "Signature=00", 1), content), 403, 403)
	wrongSize := link(`{"filename":"a.stl","size":"5"}`)
	resttest.Told(t, put(wrongSize.UploadURL, content), 400, 400)
	wrongHash := link(`{"filename":"a.stl","md5":"00000000000000000000000000000000"}`)
	resttest.Told(t, put(wrongHash.UploadURL, content), 400, 400)
	fake := link(`{"filename":"a.3mf"}`)
	resttest.Told(t, put(fake.UploadURL, content), 422, cloudapi.CodeUploadFailed)
	resttest.Refused(t, h, 422, cloudapi.CodeUploadFailed, "POST", iot+"/upload/confirm", fmt.Sprintf(`{"file_id":%q}`, fake.FileID))
	resttest.Refused(t, h, 409, 409, "POST", iot+"/upload/confirm", fmt.Sprintf(`{"file_id":%q}`, link(`{"filename":"a.stl"}`).FileID))

	poll := func(ticket string) string {
		return resttest.Call[cloudapi.UploadState](t, h, 200, "GET", iot+"/notification?action=upload&ticket="+ticket, "").Message
	}
	if got := poll(whole.UploadTicket); got != "success" {
		t.Errorf("a finished upload is %q", got)
	}
	if got := poll(fake.UploadTicket); got == "success" || got == "running" {
		t.Errorf("a refused upload is %q", got)
	}
	resttest.Call[cloudapi.Envelope](t, h, 200, "PUT", iot+"/notification", fmt.Sprintf(`{"action":"upload","upload":{"ticket":%q,"origin_file_name":"a.stl"}}`, whole.UploadTicket))
	if files := resttest.Call[cloudapi.Files](t, h, 200, "GET", iot+"/files", ""); len(files.Files) != 1 || files.Files[0].FileID != whole.FileID {
		t.Errorf("listed: %+v", files.Files)
	}
}

func TestAnUploadNeedsNoNameAndNoBody(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for _, body := range []string{"", "{}", "null"} {
		up := resttest.Call[cloudapi.Upload](t, h, 200, "POST", iot+"/upload", body)
		if w := h.Ask("PUT", up.UploadURL, string(sliced()), "Authorization", ""); w.Code != 200 {
			t.Errorf("body %q: %d %s", body, w.Code, w.Body)
		}
	}
}

func TestUploadsAreCountedByRecordsAlone(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off,uploads=2/h")
	up := resttest.Call[cloudapi.Upload](t, h, 200, "POST", iot+"/upload", `{"filename":"a.stl"}`)
	resttest.Call[cloudapi.Upload](t, h, 200, "GET", iot+"/upload?filename=b.stl", "")
	resttest.Refused(t, h, 429, 429, "POST", iot+"/upload", `{"filename":"c.stl"}`)
	for range 3 {
		resttest.Call[cloudapi.ProjectCreated](t, h, 200, "POST", iot+"/project", `{"name":"p"}`)
		h.Ask("PUT", up.UploadURL, "x", "Authorization", "")
	}
}

func TestQuestionsNamingAPrinterAreCounted(t *testing.T) {
	t.Parallel()
	h := bound(t, "off,device-status=3/min")
	for _, path := range []string{"/device/info?device_id=", "/device/version?dev_id=", "/device/version?device_id="} {
		if w := h.Ask("GET", iot+path+serial, ""); w.Code != 200 {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	resttest.Refused(t, h, 429, 429, "GET", iot+"/device/info?device_id="+serial, "")
	for _, path := range []string{"/bind", "/print", "/device/version"} {
		if w := h.Ask("GET", iot+path, ""); w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestPollsOfAnUploadDoNotCount(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off,requests=2/h")
	up := resttest.Call[cloudapi.Upload](t, h, 200, "POST", iot+"/upload", `{"filename":"a.stl"}`)
	for range 5 {
		resttest.Call[cloudapi.UploadState](t, h, 200, "GET", iot+"/notification?ticket="+up.UploadTicket, "")
	}
	resttest.Call[cloudapi.Notifications](t, h, 200, "GET", iot+"/notification", "")
	resttest.Refused(t, h, 429, 429, "GET", iot+"/notification", "")
}

// TestTheSlicersWay is the slicer's own order: a project with its configuration,
// the printable file beside it, and a task that names the profile alone.
func TestTheSlicersWay(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	project := resttest.Call[cloudapi.ProjectCreated](t, h, 200, "POST", iot+"/project", `{"name":"part.3mf"}`)
	if w := h.Ask("PUT", project.UploadURL, string(sample.ThreeMF(sample.Unsliced())), "Authorization", ""); w.Code != 200 {
		t.Fatalf("put configuration: %d %s", w.Code, w.Body)
	}
	beside := fmt.Sprintf("%s_%s_1.3mf", project.ModelID, project.ProfileID)
	up := resttest.Call[cloudapi.Upload](t, h, 200, "GET", iot+"/upload?models="+beside, "")
	if w := h.Ask("PUT", up.URLs[0].URL, string(sliced()), "Authorization", ""); w.Code != 200 {
		t.Fatalf("put print: %d %s", w.Code, w.Body)
	}
	resttest.Call[cloudapi.Envelope](t, h, 200, "PATCH", iot+"/project/"+project.ProjectID, fmt.Sprintf(`{"profile_id":%q,"profile_print_3mf":[]}`, project.ProfileID))
	made := resttest.Call[cloudapi.TaskCreated](t, h, 200, "POST", user+"/my/task", fmt.Sprintf(
		`{"deviceId":%q,"modelId":%q,"profileId":%s,"plateIndex":1,"title":"part","mode":"cloud_file","cover":"","amsDetailMapping":[],"sequence_id":"20001"}`,
		serial, project.ModelID, project.ProfileID))
	job := resttest.Call[cloudapi.Task](t, h, 200, "GET", fmt.Sprintf("%s/my/task/%d", user, made.ID), "")
	if job.Title != "part" || job.Status != cloudapi.TaskPending || job.ModelID != project.ModelID || strconv.FormatInt(job.ProfileID, 10) != project.ProfileID || job.Weight == 0 {
		t.Errorf("got %+v", job)
	}
	shown := resttest.Call[cloudapi.UserTask](t, h, 200, "GET", fmt.Sprintf("%s/task/%d", iot, made.ID), "")
	if shown.ProjectID != project.ProjectID || shown.ProfileID != project.ProfileID || len(shown.Context.Plates) != 1 || shown.Content != `{"info":{"plate_idx":1}}` {
		t.Errorf("got %+v", shown)
	}
}

// TestATaskThatTheClientStartsItselfIsListedAndNotStarted: the slicer's plugin dies of
// any answer but a good one.
func TestATaskThatTheClientStartsItselfIsListedAndNotStarted(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	project := resttest.Call[cloudapi.ProjectCreated](t, h, 200, "POST", iot+"/project", `{"name":"part.3mf"}`)
	body := func(serial, profile string) string {
		return fmt.Sprintf(`{"deviceId":%q,"profileId":%s,"modelId":%q,"plateIndex":1,"title":"part","mode":"lan_file"}`, serial, profile, project.ModelID)
	}
	for _, profile := range []string{project.ProfileID, "0"} {
		made := resttest.Call[cloudapi.TaskCreated](t, h, 200, "POST", user+"/my/task", body(serial, profile))
		task := resttest.Call[cloudapi.Task](t, h, 200, "GET", fmt.Sprintf("%s/my/task/%d", user, made.ID), "")
		if made.ID == 0 || task.Mode != "lan_file" || task.Status != cloudapi.TaskFailed || task.Title != "part" || task.PlateIndex != 1 || task.DeviceID != serial {
			t.Errorf("got %+v", task)
		}
		job := resttest.Call[cloudapi.Data[grove.Job]](t, h, 200, "GET", fmt.Sprintf("/v1/grove-service/jobs/%d", made.ID), "")
		if job.Data.State != grove.Cancelled || job.Data.Attempt != nil || !strings.Contains(job.Data.Why, "over the LAN") {
			t.Errorf("got %+v", job.Data)
		}
	}
	resttest.Refused(t, h, 404, cloudapi.CodeDeviceNotFound, "POST", user+"/my/task", body("NOBODYS", project.ProfileID))
}

// TestWhereAPrintLiesIsKept: slicers that also print over the LAN say first that the
// file is on the printer, and may upload it afterwards.
func TestWhereAPrintLiesIsKept(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	project := resttest.Call[cloudapi.ProjectCreated](t, h, 200, "POST", iot+"/project", `{"name":"part.3mf"}`)
	if w := h.Ask("PUT", project.UploadURL, string(sample.ThreeMF(sample.Unsliced())), "Authorization", ""); w.Code != 200 {
		t.Fatalf("put configuration: %d %s", w.Code, w.Body)
	}
	at := iot + "/project/" + project.ProjectID
	tell := func(prints string) {
		t.Helper()
		resttest.Call[cloudapi.Envelope](t, h, 200, "PATCH", at, fmt.Sprintf(`{"profile_id":%q,"profile_print_3mf":%s}`, project.ProfileID, prints))
	}
	start := func(status, code int) {
		t.Helper()
		body := fmt.Sprintf(`{"deviceId":%q,"modelId":%q,"profileId":%q,"plateIndex":2,"title":"part","mode":"cloud_file"}`, serial, project.ModelID, project.ProfileID)
		if w := h.Ask("POST", user+"/my/task", body); status != 200 {
			resttest.Told(t, w, status, code)
		} else if w.Code != 200 {
			t.Errorf("start: %d %s", w.Code, w.Body)
		}
	}
	const onPrinter = `[{"comments":"no_ips","md5":"0F343B0931126A20F133D67C2B018A3B","plate_idx":2,"url":"ftp://part.gcode.3mf"}]`
	tell(onPrinter)
	kept := resttest.Call[cloudapi.ProjectDetail](t, h, 200, "GET", at, "").Print3MF
	if len(kept) != 1 || kept[0].URL != "ftp://part.gcode.3mf" || kept[0].Plate != 2 || kept[0].MD5 != "0F343B0931126A20F133D67C2B018A3B" {
		t.Errorf("kept %+v", kept)
	}
	start(422, cloudapi.CodePrintFailed) // it is not here yet

	up := resttest.Call[cloudapi.Upload](t, h, 200, "GET", iot+"/upload?filename=plate.gcode.3mf&size=0", "")
	if w := h.Ask("PUT", up.UploadURL, string(sliced()), "Authorization", ""); w.Code != 200 {
		t.Fatalf("put print: %d %s", w.Code, w.Body)
	}
	sum := fmt.Sprintf("%X", md5.Sum(sliced()))
	for _, wrong := range []string{"X", strings.Repeat("0", 32)} {
		e := resttest.Refused(t, h, 400, 400, "PATCH", at, fmt.Sprintf(`{"profile_print_3mf":[{"md5":%q,"plate_idx":2,"url":%q}]}`, wrong, up.UploadURL))
		if e.Details.Fields["profile_print_3mf[0].md5"] == "" {
			t.Errorf("md5 %s: %+v", wrong, e)
		}
	}
	if e := resttest.Refused(t, h, 400, 400, "PATCH", at, `{"profile_id":"1","profile_print_3mf":[]}`); e.Details.Fields["profile_id"] == "" {
		t.Errorf("another's profile: %+v", e)
	}
	tell(fmt.Sprintf(`[{"md5":%q,"plate_idx":2,"url":%q}]`, sum, up.UploadURL))
	start(200, 0)
	tell(`[{"md5":"00000000000000000000000000000000","plate_idx":2,"url":"https://example.org/other.3mf"}]`)
	start(422, cloudapi.CodePrintFailed) // and never the first upload in its place
	tell(`[{"md5":"","plate_idx":2,"url":"ftp://part.gcode.3mf"}]`)
	start(422, cloudapi.CodePrintFailed)
	tell(fmt.Sprintf(`[{"md5":%q,"plate_idx":2,"url":"ftp://part.gcode.3mf"}]`, sum)) // the same file, here as well
	start(200, 0)
	detail := resttest.Call[cloudapi.ProjectDetail](t, h, 200, "GET", at, "")
	if len(detail.Print3MF) != 1 || detail.Print3MF[0].URL != "ftp://part.gcode.3mf" || len(detail.Profiles[0].Context.Plates) != 1 || detail.Profiles[0].URL == detail.DownloadURL {
		t.Errorf("got %+v", detail)
	}
	profile := resttest.Call[cloudapi.ProfileDetail](t, h, 200, "GET", iot+"/profile/"+project.ProfileID+"?model_id="+project.ModelID, "")
	if w := h.Ask("GET", profile.URL, "", "Authorization", ""); w.Code != 200 || w.Body.String() != string(sliced()) {
		t.Errorf("the profile's link: %d, %d bytes", w.Code, w.Body.Len())
	}
	if len(profile.Context.Plates[0].Filaments) != 2 || len(profile.Context.Materials) != 2 || profile.Context.Compatibility.ModelName != "C12" {
		t.Errorf("got %+v", profile.Context)
	}

	bob := []string{"Authorization", "Bearer " + h.SignIn(t, "bob@grove.local", grove.Operator)}
	his := resttest.Call[cloudapi.ProjectCreated](t, h, 200, "POST", iot+"/project", `{"name":"his.3mf"}`, bob...)
	resttest.Call[cloudapi.Envelope](t, h, 200, "PATCH", iot+"/project/"+his.ProjectID, fmt.Sprintf(`{"profile_print_3mf":[{"plate_idx":1,"url":%q,"md5":""}]}`, up.UploadURL), bob...)
	if got := resttest.Call[cloudapi.ProjectDetail](t, h, 200, "GET", iot+"/project/"+his.ProjectID, "", bob...); got.Profiles[0].URL != "" {
		t.Errorf("bob reads ann's file: %+v", got)
	}
	resttest.Refused(t, h, 400, 400, "PATCH", at, `{"profile_print_3mf":[{"plate_idx":-1,"url":"ftp://a"}]}`)
	resttest.Refused(t, h, 400, 400, "PATCH", at, `{"profile_print_3mf":"ftp://a"}`)
}

func TestFilesAreNamedInEachWay(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	file := h.Upload(t, "part.gcode.3mf", sliced())
	for _, body := range []string{
		fmt.Sprintf(`{"device_id":%q,"file_id":%q}`, serial, file.FileID),
		fmt.Sprintf(`{"device_id":%q,"file_name":"part.gcode.3mf","settings":{"layer_height":0.2}}`, serial),
		fmt.Sprintf(`{"device_id":%q,"file_url":%q}`, serial, file.FileURL),
	} {
		got := resttest.Call[cloudapi.PrintStarted](t, h, 200, "POST", iot+"/print", body)
		if got.JobID == "" || got.Status != "queued" || got.Data.JobID != got.JobID {
			t.Errorf("%s: %+v", body, got)
		}
	}
	for _, body := range []string{
		fmt.Sprintf(`{"device_id":%q}`, serial), `{"file_id":"f_1"}`,
		fmt.Sprintf(`{"device_id":%q,"file_url":"https://example.org/part.3mf"}`, serial),
	} {
		resttest.Refused(t, h, 400, 400, "POST", iot+"/print", body)
	}
	resttest.Call[cloudapi.TaskCreated](t, h, 200, "POST", user+"/my/task", fmt.Sprintf(`{"deviceId":%q,"modelId":%q,"title":"x"}`, serial, file.FileID))
	resttest.Call[cloudapi.TaskCreated](t, h, 200, "POST", user+"/my/task", fmt.Sprintf(`{"deviceId":%q,"modelId":%q,"title":"part.gcode.3mf"}`, serial, file.ModelID))
	if got := resttest.Call[cloudapi.Tasks](t, h, 200, "GET", user+"/my/tasks?status=1&limit=2", ""); got.Total != 5 || len(got.Hits) != 2 || !got.Pagination.HasMore {
		t.Errorf("got %d of %d", len(got.Hits), got.Total)
	}
	if got := resttest.Call[cloudapi.Tasks](t, h, 200, "GET", user+"/my/tasks?status=2", ""); got.Total != 0 {
		t.Errorf("finished: %+v", got)
	}
	resttest.Refused(t, h, 400, 400, "GET", user+"/my/tasks?status=9", "")
}

func TestAPrinterAtWorkShowsItsTask(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	file := h.Upload(t, "part.gcode.3mf", sliced())
	started := resttest.Call[cloudapi.PrintStarted](t, h, 200, "POST", iot+"/print", fmt.Sprintf(`{"device_id":%q,"file_id":%q}`, serial, file.FileID))
	h.Fleet.Observe(serial, []byte(fmt.Sprintf(
		`{"print":{"command":"push_status","gcode_state":"RUNNING","mc_percent":42,"task_id":%q,"subtask_name":"part","sequence_id":"2"}}`, started.JobID)))
	got := resttest.Call[cloudapi.Prints](t, h, 200, "GET", iot+"/print", "")
	d := got.Devices[0]
	if d.PrintStatus != "RUNNING" || strconv.FormatInt(d.PrintJob, 10) != started.JobID || d.TaskID == nil || *d.TaskID != started.JobID || *d.Progress != 42 {
		t.Fatalf("got %+v", d)
	}
	if d.ProfileID == nil || *d.ProfileID != file.ProfileID || d.ProjectID == nil || *d.ProjectID != file.ProjectID || *d.Thumbnail == "" {
		t.Errorf("the task's file is not shown: %+v", d)
	}
	if w := h.Ask("GET", *d.Thumbnail, "", "Authorization", ""); w.Code != 200 || w.Header().Get("Content-Type") != "image/png" {
		t.Errorf("the picture: %d %v", w.Code, w.Header())
	}
	if got := resttest.Call[cloudapi.Prints](t, h, 200, "GET", iot+"/print?device_id=other&status=failed", ""); len(got.Devices)+len(got.Data.Jobs) != 0 {
		t.Errorf("narrowed: %+v", got)
	}
	resttest.Refused(t, h, 400, 400, "GET", iot+"/print?status=burning", "")
}

func TestNotificationsAreReadAndMarked(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	events(t, h)
	unread := func() []cloudapi.Notice {
		return resttest.Call[cloudapi.Notifications](t, h, 200, "GET", iot+"/notification?unread=true", "").Notifications
	}
	first := unread()
	if len(first) != 2 {
		t.Fatalf("got %+v", first)
	}
	resttest.Call[cloudapi.Envelope](t, h, 200, "PUT", iot+"/notification", fmt.Sprintf(`{"notification_id":%q,"read":true}`, first[0].ID))
	if left := unread(); len(left) != 1 || left[0].ID != first[1].ID {
		t.Errorf("left: %+v", left)
	}
	resttest.Refused(t, h, 400, 400, "PUT", iot+"/notification", `{}`)
}

func BenchmarkBind20(b *testing.B) {
	h := resttest.New(b, "off")
	for i := range 20 {
		id := fmt.Sprintf("01P00A0000001%02d", i)
		if w := h.Ask("POST", iot+"/bind", fmt.Sprintf(`{"device_id":%q,"model":"P1S"}`, id)); w.Code != 200 {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		h.Ask("GET", iot+"/bind", "")
	}
}

func TestAGuestIsToldWhoseThePrinterIs(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	bob := []string{"Authorization", "Bearer " + h.SignIn(t, "bob@grove.local", grove.Viewer)}
	holder := func() cloudapi.Holder {
		return resttest.Call[cloudapi.BindList](t, h, 200, "GET", iot+"/bind_list?dev_ids="+serial, "", bob...).BindList[0]
	}
	if got := holder(); got.UserID != nil || got.UserName != nil {
		t.Errorf("to a stranger: %+v", got)
	}
	resttest.Call[cloudapi.Data[any]](t, h, 201, "POST", "/v1/grove-service/shares", fmt.Sprintf(`{"device_id":%q,"email":"bob@grove.local","role":"viewer"}`, serial))
	if got := holder(); got.UserID == nil || *got.UserID != strconv.FormatInt(h.UserID, 10) || got.UserName == nil || *got.UserName != "Ann" {
		t.Errorf("to a guest: %+v", got)
	}
}

func TestAProfileOfAnotherModelIsNotThere(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	file := h.Upload(t, "part.gcode.3mf", sliced())
	at := iot + "/profile/" + file.ProfileID
	for _, query := range []string{"", "?model_id=", "?model_id=" + file.ModelID} {
		resttest.Call[cloudapi.ProfileDetail](t, h, 200, "GET", at+query, "")
	}
	resttest.Refused(t, h, 404, 404, "GET", at+"?model_id=US00000000000000", "")
	short := user + "/my/model/profile?profileId=" + file.ProfileID
	resttest.Call[cloudapi.ModelProfile](t, h, 200, "GET", short+"&modelId="+file.ModelID, "")
	resttest.Refused(t, h, 404, 404, "GET", short+"&modelId=US00000000000000", "")
}

// TestATaskSaysWhatTheVendorAsksFor: what no known client leaves out must be there,
// and each field must be of its type. One client leaves out the cover, the plate and
// the profile.
func TestATaskSaysWhatTheVendorAsksFor(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	file := h.Upload(t, "part.gcode.3mf", sliced())
	for _, c := range []struct{ field, value string }{
		{"deviceId", ""},
		{"modelId", ""},
		{"title", ""},
		{"title", "7"},
		{"modelId", "7"},
		{"cover", "7"},
		{"plateIndex", `"one"`},
		{"plateIndex", "1.5"},
		{"plateIndex", "-1"},
		{"profileId", `"x"`},
		{"profileId", "1.5"},
		{"modelId", `"US00000000000000"`},
	} {
		fields := map[string]string{
			"deviceId": strconv.Quote(serial), "modelId": strconv.Quote(file.ModelID), "title": `"part"`, "cover": `""`,
			"plateIndex": "1", "profileId": file.ProfileID,
		}
		fields[c.field] = c.value
		var pairs []string
		for name, value := range fields {
			if value != "" {
				pairs = append(pairs, fmt.Sprintf("%q:%s", name, value))
			}
		}
		e := resttest.Refused(t, h, 400, 400, "POST", user+"/my/task", "{"+strings.Join(pairs, ",")+"}")
		if e.Details.Fields[c.field] == "" {
			t.Errorf("%s %s: %+v", c.field, c.value, e)
		}
	}
	if got := resttest.Call[cloudapi.Tasks](t, h, 200, "GET", user+"/my/tasks", ""); got.Total != 0 {
		t.Errorf("begun: %+v", got)
	}
	resttest.Call[cloudapi.TaskCreated](t, h, 200, "POST", user+"/my/task", fmt.Sprintf(`{"deviceId":%q,"modelId":%q,"title":"part.gcode.3mf"}`, serial, file.ModelID))
}

func TestRecordsOfASlicersUseAreTakenAndThrownAway(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off,uploads=1/h")
	for range 3 { // not counted as uploads
		up := resttest.Call[cloudapi.Upload](t, h, 200, "GET", iot+"/upload?event_track/slicer=x.zip.enc", "")
		if len(up.URLs) != 1 || up.URLs[0].Type != "event_track/slicer" || up.URLs[0].File != "x.zip.enc" {
			t.Fatalf("got %+v", up)
		}
		if w := h.Ask("PUT", up.URLs[0].URL, "anything", "Authorization", ""); w.Code != 200 || w.Body.Len() != 0 {
			t.Errorf("put: %d %s", w.Code, w.Body)
		}
		if w := h.Ask("PUT", up.URLs[0].URL, strings.Repeat("a", 16<<20+1), "Authorization", ""); w.Code != 413 {
			t.Errorf("too much: %d %s", w.Code, w.Body)
		}
	}
	resttest.Refused(t, h, 403, 403, "PUT", "/u/sink?Expires=9999999999&Signature=00", "x", "Authorization", "")
	for b, err := range h.Library.Blobs.List(t.Context()) {
		t.Errorf("left: %+v, %v", b, err)
	}
}
