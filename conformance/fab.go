package conformance

import (
	"crypto/md5" //nolint:gosec // the checksum that this client sends
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// fabprint prints from the command line, the way of the vendor's Connect program:
// a project, its settings, the file, the task, and then it polls.
func fabprint(p *player) {
	p.header = map[string]string{"User-Agent": "bambu_network_agent/01.09.05.01", "x-bbl-client-type": "connect", "Content-Type": "application/json"}
	p.signIn(entrance{
		body:  map[string]any{"apiError": ""},
		reads: fields{"accessToken": filled, "loginType": text, "tfaKey": exactly("")},
		code:  true, sends: true,
		factor: func(p *player, key string) string {
			a, ok := p.factor(call{step: "signs in with an authenticator", at: "POST " + user + "/user/tfa", reads: fields{"accessToken": filled}}, key)
			if !ok {
				return ""
			}
			return a.str("accessToken")
		},
	})
	p.ask(call{step: "asks who it is", at: "GET " + design + "/my/preference", reads: fields{"uid": integer, "name": text, "avatar": text}})
	p.ask(call{step: "lists printers", at: bind, reads: fields{
		"devices[].dev_id": filled, "devices[].name": text, "devices[].online": boolean, "devices[].print_status": text,
		"devices[].dev_product_name": text, "devices[].print_job": orNull(anything),
	}})
	s := p.newShipment()
	s.project(p, fields{"profile_id": decimal})
	s.settings(p)
	s.told(p, map[string]any{"action": "upload", "upload": map[string]any{"ticket": s.ticket, "origin_file_name": s.file.name}})
	s.polled(p, nil)
	q := fmt.Sprintf("%s/user/upload?filename=%s&size=%d&md5=%s&model_id=%s&profile_id=%s&project_id=%s", iot, s.file.name, len(s.file.content), s.md5, s.model, s.profile, s.id)
	s.upload(p, q, fields{"urls[].type": filled, "urls[].url": link}, "filename")
	s.patch(p, map[string]any{"comments": "no_ips", "md5": s.md5, "plate_idx": 1, "url": s.url})
	p.ask(call{step: "reads the project back", at: "GET " + iot + "/user/project/{id}", path: iot + "/user/project/" + s.id, needs: []string{s.lost}, reads: iotFields.with(fields{
		"project_id": exactly(s.id), "model_id": filled, "profiles[].profile_id": decimal, "profiles[].context": orNull(object),
	})})
	id := s.order(p, s.task(p, map[string]any{"profileId": asNumber(s.profile), "isPublicProfile": false, "jobType": 1, "primeVolumeMode": ""}))
	if id != "" {
		p.follow(id)
	}
	p.ask(call{step: "asks about its print", at: "GET " + user + "/my/task/{id}", path: user + "/my/task/" + id, needs: []string{unless(id, "nothing was printed")}, reads: fields{"id": integer, "status": integer}})
}

// asNumber is an id that is a string on one path and a number on another; it
// stays a string if it has no digits alone.
func asNumber(id string) any {
	if n, err := strconv.ParseInt(id, 10, 64); err == nil {
		return n
	}
	return id
}

// shipment is one file on its way to a printer.
type shipment struct {
	file                       printFile
	md5                        string // 32 upper-case hex digits
	id, model, profile, ticket string
	url                        string // where the file was put
	lost                       string // why it does not go on
}

func (p *player) newShipment() *shipment {
	_ = p.needsPrinter() // the file is made for its model
	f := p.newFile()
	return &shipment{file: f, md5: fmt.Sprintf("%X", md5.Sum(f.content))} //nolint:gosec // see above
}

// project asks for a project; extra is what only some clients read of it.
func (s *shipment) project(p *player, extra fields) {
	a, ok := p.ask(call{step: "makes a project", at: "POST " + iot + "/user/project", body: map[string]any{"name": s.file.name}, reads: iotFields.with(fields{
		"project_id": filled, "model_id": filled, "profile_id": filled, "upload_url": link, "upload_ticket": filled,
	}).with(extra)})
	s.id, s.model, s.profile, s.ticket, s.url = a.str("project_id"), a.str("model_id"), a.str("profile_id"), a.str("upload_ticket"), a.str("upload_url")
	if !ok {
		s.lost = "there is no project"
	}
}

// settings puts the file that holds everything but the G-code; here it is whole.
func (s *shipment) settings(p *player) { s.put(p, "uploads the settings") }

func (s *shipment) put(p *player, step string) {
	if !p.put(step, s.url, s.file.content, map[string]string{"Content-Type": "", "User-Agent": ""}) && s.lost == "" {
		s.lost = "it could not be uploaded"
	}
}

func (s *shipment) told(p *player, body map[string]any) {
	p.ask(call{step: "says that it is uploaded", at: "PUT " + iot + "/user/notification", body: body, needs: []string{s.lost}, reads: fields{"message": exactly("success")}})
}

// polled waits until the server has looked at the upload.
func (s *shipment) polled(p *player, words fields) {
	path := iot + "/user/notification?action=upload&ticket=" + s.ticket
	p.until(20*time.Second, func() bool { return p.quiet("GET "+path, nil).str("message") != "running" })
	p.ask(call{step: "waits for the upload", at: "GET " + iot + "/user/notification", path: path, needs: []string{s.lost}, reads: fields{"message": exactly("success")}.with(words)})
}

// upload asks for the place of the print file and puts it there.
func (s *shipment) upload(p *player, path string, reads fields, kind string) {
	a, ok := p.ask(call{step: "asks where to upload", at: "GET " + iot + "/user/upload", path: path, needs: []string{s.lost}, reads: reads})
	s.url = firstOf(a, "urls", "url")
	for _, u := range each(a.json, "urls") {
		if str(u, "type") == kind {
			s.url = str(u, "url")
		}
	}
	if !ok && s.lost == "" {
		s.lost = "it could not be uploaded"
	}
	s.put(p, "uploads the print")
}

func (s *shipment) patch(p *player, plate map[string]any) {
	p.ask(call{
		step: "puts the print into the project", at: "PATCH " + iot + "/user/project/{id}", path: iot + "/user/project/" + s.id, needs: []string{s.lost},
		body: map[string]any{"profile_id": s.profile, "profile_print_3mf": []any{plate}}, reads: fields{"message": exactly("success")},
	})
}

// task is what all send who create one.
func (s *shipment) task(p *player, more map[string]any) map[string]any {
	t := map[string]any{
		"amsDetailMapping": []any{}, "autoBedLeveling": 0, "bedLeveling": true, "bedType": "auto", "cfg": "0", "cover": "", "deviceId": p.printer.serial,
		"extrudeCaliFlag": 0, "filamentSettingIds": []any{}, "flowCali": false, "layerInspect": false, "mode": "cloud_file", "modelId": s.model,
		"nozzleInfos": []any{}, "nozzleOffsetCali": 0, "oriModelId": "", "oriProfileId": 0, "plateIndex": 1, "sequence_id": "20001", "timelapse": false,
		"title": s.file.name, "useAms": false, "vibrationCali": true,
	}
	maps.Copy(t, more)
	return t
}

// order creates the task, which starts the print, and gives its id.
func (s *shipment) order(p *player, task map[string]any) string {
	a, ok := p.ask(call{
		step: "prints", at: create, body: task, needs: []string{s.lost, p.mayPrint()}, status: []int{http.StatusOK, http.StatusCreated},
		reads: fields{"id": integer}, also: func(a answer) string {
			if id := a.str("id"); id == "" || strings.HasPrefix(id, "-") || id == "0" {
				return "id is the new task's"
			}
			return ""
		},
	})
	if !ok {
		return ""
	}
	return a.str("id")
}
