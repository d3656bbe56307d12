package server

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/grovecloud/grove/internal/sim"
	"github.com/grovecloud/grove/printfile/sample"
)

// slicer is a client that knows the vendor's paths and nothing of Grove.
type slicer struct {
	t     *testing.T
	base  string
	token string
}

// answer is a JSON object as it came.
type answer map[string]any

// ask sends a request as slicers do and demands 200. Without a credential it is a
// signed link.
func (s *slicer) ask(method, target string, body []byte, credential bool) []byte {
	s.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = s.base + target
	}
	r, err := http.NewRequestWithContext(context.Background(), method, target, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if credential {
		r.Header.Set("Authorization", "Bearer "+s.token)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-BBL-Client-Name", "BambuStudio")
	}
	w, err := web.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer w.Body.Close()
	got, err := io.ReadAll(w.Body)
	if err != nil || w.StatusCode != http.StatusOK {
		s.t.Fatalf("%s %s: %d %s %v", method, target, w.StatusCode, got, err)
	}
	return got
}

func (s *slicer) call(method, target, body string) answer {
	s.t.Helper()
	raw := s.ask(method, target, []byte(body), true)
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		s.t.Fatalf("%s %s: %v in %s", method, target, err, raw)
	}
	return a
}

// text is a member that must be a string with something in it.
func (s *slicer) text(a answer, key string) string {
	s.t.Helper()
	v, ok := a[key].(string)
	if !ok || v == "" {
		s.t.Fatalf("%s is %v, want a text in %v", key, a[key], a)
	}
	return v
}

// good demands the envelope as the open plugin reads it.
func (s *slicer) good(a answer) answer {
	s.t.Helper()
	if a["message"] != "success" || a["error"] != nil || a["code"] != float64(0) {
		s.t.Fatalf("not a success: %v", a)
	}
	return a
}

const iotUser = "/v1/iot-service/api/user"

// project does the first half of a print: a project with its configuration, sent,
// told and polled.
func (s *slicer) project(finished string) (made answer) {
	s.t.Helper()
	made = s.good(s.call("POST", iotUser+"/project", `{"name":"bracket.3mf"}`))
	ticket := s.text(made, "upload_ticket")
	poll := iotUser + "/notification?action=upload&ticket=" + ticket
	if a := s.call("GET", poll, ""); a["message"] != "running" {
		s.t.Errorf("before the upload the poll says %v", a)
	}
	s.ask("PUT", s.text(made, "upload_url"), sample.ThreeMF(sample.Unsliced()), false)
	s.good(s.call("PUT", iotUser+"/notification", fmt.Sprintf(finished, ticket)))
	if a := s.call("GET", poll, ""); a["message"] != "success" {
		s.t.Errorf("after the upload the poll says %v", a)
	}
	return made
}

func sliced() []byte {
	return sample.ThreeMF(sample.Model("C12"), sample.Layers(10), sample.Seconds(600))
}

// finish waits until the task is done as clients see it, and checks what they read.
func (s *slicer) finish(h *house, id float64, project answer) {
	s.t.Helper()
	task := fmt.Sprintf("/v1/user-service/my/task/%.0f", id)
	until(s.t, "the task is finished", func() bool { return s.call("GET", task, "")["status"] == float64(2) })
	a := s.call("GET", task, "")
	for key, want := range map[string]any{
		"id": id, "title": "bracket", "modelId": project["model_id"], "deviceId": bench, "designId": float64(0), "instanceId": float64(0),
		"designTitle": "", "failedType": float64(0), "plateIndex": float64(1), "mode": "cloud_file",
	} {
		if a[key] != want {
			s.t.Errorf("the task's %s is %v, want %v", key, a[key], want)
		}
	}
	if fmt.Sprintf("%.0f", a["profileId"]) != project["profile_id"] {
		s.t.Errorf("profileId %v of %v", a["profileId"], project["profile_id"])
	}
	cover := s.text(a, "cover")
	if png := s.ask("GET", cover, nil, false); !bytes.HasPrefix(png, []byte("\x89PNG")) {
		s.t.Errorf("the cover is no picture: %d bytes", len(png))
	}
	devices, ok := s.good(s.call("GET", iotUser+"/bind", ""))["devices"].([]any)
	if !ok || len(devices) != 1 {
		s.t.Fatalf("devices %v", devices)
	}
	device, ok := devices[0].(map[string]any)
	if !ok || device["print_job"] != id || device["print_status"] != "FINISH" {
		s.t.Errorf("device %v", device)
	}
	job, err := h.client.Job(s.t.Context(), int64(id))
	if err != nil || job.FileName != "bracket" {
		s.t.Errorf("job %+v %v", job, err)
	}
}

// The open slicer plugin's print, step by step, to the end on a printer.
func TestTheSlicerPrints(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	var book bytes.Buffer
	printer := h.printer(func(c *sim.Config) { c.Ledger = &book })
	h.connected(bench)
	s := &slicer{t: t, base: h.info.HTTP, token: string(h.client.Token())}

	made := s.project(`{"upload":{"ticket":%q,"origin_file_name":"bracket.3mf"}}`)
	project, profile, model := s.text(made, "project_id"), s.text(made, "profile_id"), s.text(made, "model_id")
	detail := s.good(s.call("GET", iotUser+"/project/"+project, ""))
	if detail["project_id"] != project || detail["model_id"] != model || s.text(detail, "download_url") == "" {
		t.Errorf("project %v", detail)
	}
	patch := func(url string) {
		s.good(s.call("PATCH", iotUser+"/project/"+project, fmt.Sprintf(
			`{"profile_id":%q,"profile_print_3mf":[{"comments":"no_ips","md5":"%X","plate_idx":1,"url":%q}]}`, profile, md5.Sum(sliced()), url)))
	}
	patch("ftp://bracket.gcode.3mf")
	asked := s.good(s.call("GET", iotUser+"/upload?models="+model+"_"+profile+"_1.3mf", ""))
	urls, ok := asked["urls"].([]any)
	if !ok || len(urls) != 1 {
		t.Fatalf("urls %v", asked)
	}
	first, ok := urls[0].(map[string]any)
	if !ok || first["type"] != "models" || first["file"] != model+"_"+profile+"_1.3mf" {
		t.Fatalf("urls %v", urls)
	}
	link := s.text(first, "url")
	s.ask("PUT", link, sliced(), false)
	bare, _, _ := strings.Cut(link, "?")
	patch(bare)

	body := fmt.Sprintf(`{"amsDetailMapping":[{"ams":0,"filamentId":"GFA00","sourceColor":"00AE42FF","targetColor":"00AE42FF","filamentType":"PLA","weight":12.5}],
		"autoBedLeveling":1,"bedLeveling":true,"bedType":"textured_plate","cfg":"4","cover":"","deviceId":%q,"extrudeCaliFlag":0,"filamentSettingIds":["GFSA00"],
		"flowCali":false,"layerInspect":false,"mode":"cloud_file","modelId":%q,"nozzleInfos":[],"nozzleOffsetCali":0,"oriModelId":"","oriProfileId":0,"plateIndex":1,
		"profileId":%s,"sequence_id":"20001","timelapse":false,"title":"bracket","useAms":false,"vibrationCali":true,"amsMapping2":[{"amsId":255,"slotId":0}]}`,
		bench, model, profile)
	id, ok := s.call("POST", "/v1/user-service/my/task", body)["id"].(float64)
	if !ok {
		t.Fatal("the task has no number")
	}
	s.finish(h, id, made)
	if printer.State() != "FINISH" {
		t.Errorf("the printer is %s", printer.State())
	}
	if starts := strings.Count(book.String(), "\n"); starts != 1 || !strings.Contains(book.String(), fmt.Sprintf("%.0f", id)) {
		t.Errorf("ledger %s", book.String())
	}
	shown := s.good(s.call("GET", fmt.Sprintf("%s/task/%.0f", iotUser, id), ""))
	if shown["project_id"] != project || shown["profile_id"] != profile || shown["content"] != `{"info":{"plate_idx":1}}` {
		t.Errorf("task %v", shown)
	}
	if a := s.good(s.call("GET", iotUser+"/profile/"+profile+"?model_id="+model, "")); !bytes.Equal(s.ask("GET", s.text(a, "url"), nil, false), sliced()) {
		t.Error("the profile's link leads to something else")
	}
}

// The desktop client's variant: another word in the notification, an upload that
// names its profile, a profile number as text, and status to be polled.
func TestTheDesktopClientPrints(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	h.printer()
	h.connected(bench)
	s := &slicer{t: t, base: h.info.HTTP, token: string(h.client.Token())}

	made := s.project(`{"action":"upload","upload":{"ticket":%q,"origin_file_name":"bracket.3mf"}}`)
	project, profile, model := s.text(made, "project_id"), s.text(made, "profile_id"), s.text(made, "model_id")
	body := sliced()
	asked := s.good(s.call("GET", fmt.Sprintf("%s/upload?filename=bracket.gcode.3mf&size=%d&model_id=%s&profile_id=%s&project_id=%s",
		iotUser, len(body), model, profile, project), ""))
	urls, ok := asked["urls"].([]any)
	if !ok || len(urls) != 5 {
		t.Fatalf("urls %v", asked)
	}
	s.ask("PUT", s.text(asked, "upload_url"), body, false)
	s.good(s.call("PATCH", iotUser+"/project/"+project, `{"name":"bracket","status":"uploaded"}`))
	id, ok := s.call("POST", "/v1/user-service/my/task", fmt.Sprintf(
		`{"modelId":%q,"cover":"","plateIndex":1,"profileId":%q,"deviceId":%q,"title":"bracket","isPublicProfile":false,"jobType":1,"primeVolumeMode":"Default"}`,
		model, profile, bench))["id"].(float64)
	if !ok {
		t.Fatal("the task has no number")
	}
	s.finish(h, id, made)
}
