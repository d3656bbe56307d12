package conformance

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// bambuLabCloudAPI is the Python library bambu-lab-cloud-api 1.0.5: the widest of
// all, and the reader of what nobody else reads.
func bambuLabCloudAPI(p *player) {
	p.header = map[string]string{"User-Agent": "BambuBridge/1.0", "Content-Type": "application/json"}
	p.signIn(entrance{
		body:  map[string]any{"apiError": ""},
		reads: fields{"success": yes, "accessToken": filled, "loginType": text, "tfaKey": exactly("")},
		code:  true, sends: true,
		factor: func(p *player, key string) string {
			a, _ := p.factor(call{step: "signs in with an authenticator", at: "POST /api/sign-in/tfa", also: cookieOrToken}, key)
			if c := a.cookie("token"); c != "" {
				return c
			}
			return a.str("accessToken")
		},
	})
	p.ask(call{step: "tests its token", at: "GET " + user + "/my/profile", reads: fields{
		"uid": integer, "name": text, "account": text, "productModels": list,
	}})
	p.ask(call{step: "asks who it is", at: "GET " + design + "/my/preference", reads: fields{"uid": integer, "name": text}})
	coeProfile(p)
	coeDevices(p)
	coeBind(p)
	coeFiles(p)
	coeTasks(p)
	coeCamera(p)
	coeNotifications(p)
	p.ask(call{step: "lists presets", at: presets, path: presetsPath("1.0.0.0"), reads: fields{
		"print.public": list, "printer.private": list, "filament.private": list,
	}})
	coePreset(p)
	p.ask(call{
		step: "looks for updates", at: "GET " + iot + "/slicer/resource", path: iot + "/slicer/resource?type=slicer&version=1.0.0.0",
		reads: fields{"message": text, "resources": list},
	})
	p.ask(call{
		step: "is told what went wrong", at: "GET " + iot + "/user/project/{id}", path: iot + "/user/project/1",
		status: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity}, reads: fields{"message": filled},
	})
	p.watch(request{step: "watches a printer", id: "bambu-client-" + p.printer.serial})
}

func coePreset(p *player) {
	id := p.addPreset()
	defer p.deletePreset(id)
	p.ask(call{
		step: "reads a preset", at: "GET " + iot + "/slicer/setting/{id}", path: presetPath(id) + "?version=1.0.0.0", needs: []string{unless(id, "no preset could be made")},
		reads: fields{"name": text, "type": text, "setting": object},
	})
}

// cookieOrToken is what those accept who look at both.
func cookieOrToken(a answer) string {
	if a.cookie("token") != "" || (a.broken == nil && a.str("accessToken") != "") {
		return ""
	}
	return "the cookie token, or accessToken in the body"
}

// coeProfile sets the name to what it is.
func coeProfile(p *player) {
	name := p.quiet("GET "+user+"/my/profile", nil).str("name")
	p.ask(call{step: "changes the name", at: "PUT " + user + "/my/profile", body: map[string]any{"username": name}, needs: []string{
		unless(name, "the account has no name to set again"),
	}, reads: fields{}})
}

func coeDevices(p *player) {
	needs := []string{p.needsPrinter()}
	p.ask(call{step: "lists printers", at: bind, reads: fields{
		"devices[].dev_id": filled, "devices[].name": text, "devices[].online": boolean, "devices[].print_status": text,
		"devices[].dev_model_name": text, "devices[].dev_product_name": text, "devices[].dev_access_code": accessCode,
		"devices[].nozzle_diameter": number, "devices[].dev_structure": oneOf("I3", "CoreXY"),
	}})
	p.ask(call{
		step: "asks for firmware", at: "GET " + iot + "/user/device/version", path: iot + "/user/device/version?dev_id=" + p.printer.serial, needs: needs,
		reads: fields{
			"devices[].dev_id": filled, "devices[].ota": object, "devices[].ams": list,
			"devices[].ams[*].sw_ver": text, "devices[].ams[*].hw_ver": text, "devices[].ams[*].tray": list,
		},
	})
	p.ask(call{step: "asks what is printing", at: "GET " + iot + "/user/print", path: iot + "/user/print?force=true", needs: needs, reads: fields{
		"devices[].dev_id": filled, "devices[].name": text, "devices[].online": boolean, "devices[].print_status": text,
		"devices[].print": maybe(orNull(object)),
	}})
	p.ask(call{
		step: "asks about one printer", at: "GET " + iot + "/user/device/info", path: iot + "/user/device/info?device_id=" + p.printer.serial, needs: needs,
		status: []int{http.StatusOK, http.StatusMethodNotAllowed},
		also: func(a answer) string {
			if a.status != http.StatusOK {
				return ""
			}
			if a.broken != nil {
				return a.broken.Error()
			}
			return join(fields{"data.device_id": text, "data.device_name": text, "data.status": text}.look(a.json).problems)
		},
	})
}

// nobodys is the serial of a P1S that was never made.
const nobodys = "01P00C999999990"

// coeBind binds a printer that does not exist and gives it up again.
func coeBind(p *player) {
	_, ok := p.ask(call{
		step: "binds a printer", at: "POST " + iot + "/user/bind", body: map[string]any{"device_id": nobodys, "device_name": "conformance", "bind_code": "12345678"},
		reads: fields{"data.bind_id": text, "data.device_info": object},
	})
	why := ""
	if !ok {
		why = "no printer could be bound"
	}
	p.ask(call{
		step: "gives a printer up", at: "DELETE " + iot + "/user/bind", path: iot + "/user/bind?dev_id=" + nobodys, needs: []string{why},
		reads: fields{"code": orNull(integer)},
	})
}

// coeFiles uploads and then looks for the file where it will look when printing.
func coeFiles(p *player) {
	why := p.needsPrinter() // for its model; a file can be uploaded without
	f := p.newFile()
	a, _ := p.ask(call{
		step: "asks where to upload", at: "GET " + iot + "/user/upload",
		path:  iot + "/user/upload?filename=" + f.name + "&size=" + strconv.Itoa(len(f.content)),
		reads: fields{"urls[].type": filled, "urls[].url": link, "upload_url": maybe(link)},
	})
	to, size := a.str("upload_url"), ""
	for _, u := range each(a.json, "urls") {
		if to == "" && str(u, "type") == "filename" {
			to = str(u, "url")
		}
		if str(u, "type") == "size" {
			size = str(u, "url")
		}
	}
	stored := p.put("uploads a file", to, f.content, map[string]string{"Content-Type": "", "User-Agent": ""})
	if size != "" && stored { // whose answer it does not look at
		_, _, _ = p.send(call{at: "PUT {size}", path: size, raw: strings.NewReader(strconv.Itoa(len(f.content))), header: map[string]string{"Content-Type": "text/plain"}, open: true})
	}
	missing := ""
	if !stored {
		missing = "nothing could be uploaded"
	}
	model, file := "", ""
	p.ask(call{
		step: "finds the file among the projects", at: "GET " + iot + "/user/project", needs: []string{missing}, reads: fields{"projects[].name": text, "projects[].model_id": text},
		also: func(a answer) string {
			if model, file = listed(a, f.name); file == "" {
				return "a project, or a file of one, that is named like the upload"
			}
			return ""
		},
	})
	p.ask(call{step: "lists files", at: "GET " + iot + "/user/files", needs: []string{missing}, reads: fields{
		"files[].name": text, "files[].file_name": text, "files[].file_id": filled, "files[].size": integer,
	}})
	p.ask(call{step: "makes a project", at: "POST " + iot + "/user/project", body: map[string]any{"name": "conformance-" + random() + ".3mf"}, reads: fields{
		"project_id": filled, "model_id": filled,
	}})
	coePrints(p, f.name, model, file, why)
}

// listed finds a file by its name as the library does.
func listed(a answer, name string) (model, file string) {
	for _, project := range each(a.json, "projects") {
		for _, one := range append(each(project, "files"), project) {
			if str(one, "name") != name && str(one, "file_name") != name && str(one, "title") != name {
				continue
			}
			model = str(project, "model_id")
			for _, key := range []string{"file_id", "model_id", "id"} {
				if id := str(one, key); id != "" {
					return model, id
				}
			}
		}
	}
	return "", ""
}

func coePrints(p *player, name, model, file, why string) {
	missing := unless(file, "the file was not found")
	if why == "" {
		why = p.mayPrint()
	}
	a, ok := p.ask(call{
		step: "prints a file", at: "POST " + iot + "/user/print", needs: []string{why, missing},
		body:  map[string]any{"device_id": p.printer.serial, "file_id": file, "file_name": name, "settings": map[string]any{"layer_height": 0.2}},
		reads: fields{"job_id": filled, "status": text, "data.job_id": filled, "data.status": text},
	})
	if ok {
		p.follow(a.str("job_id"))
		why = p.mayPrint()
	}
	a, ok = p.ask(call{
		step: "prints a model", at: create, needs: []string{why, missing},
		body: map[string]any{"modelId": model, "title": name, "deviceId": p.printer.serial}, reads: fields{"id": anything},
	})
	if ok {
		p.follow(a.str("id"))
	}
}

func coeTasks(p *player) {
	a, _ := p.ask(call{step: "lists tasks", at: "GET " + iot + "/user/task", reads: fields{}, also: func(a answer) string {
		if !list.fits(valueAt(a.json, "tasks")) && !list.fits(valueAt(a.json, "hits")) {
			return "tasks or hits is a list"
		}
		return ""
	}})
	id := ""
	for _, t := range append(each(a.json, "tasks"), each(a.json, "hits")...) {
		if id == "" {
			id = str(t, "id")
		}
	}
	p.ask(call{step: "asks about a task", at: "GET " + iot + "/user/task/{id}", path: iot + "/user/task/" + id, needs: []string{unless(id, "there is no task yet")}, reads: fields{
		"data.task_id": filled, "data.device_id": text, "data.status": text, "data.progress": number, "data.file_name": text,
	}})
}

func coeCamera(p *player) {
	needs := []string{p.needsPrinter()}
	p.ask(call{step: "asks for a camera ticket", at: "POST " + iot + "/user/ttcode", body: map[string]any{"dev_id": p.printer.serial}, needs: needs, reads: fields{
		"ttcode": text, "authkey": text, "passwd": text, "region": text, "type": text,
	}})
	for _, what := range []string{"video", "stream", "snapshot"} {
		p.ask(call{
			step: "looks for a " + what, at: fmt.Sprintf("GET %s/user/device/{id}/%s", iot, what), path: fmt.Sprintf("%s/user/device/%s/%s", iot, p.printer.serial, what),
			needs: needs, status: []int{http.StatusOK, http.StatusNotFound, http.StatusMethodNotAllowed},
			also: func(a answer) string {
				if a.status != http.StatusOK {
					return ""
				}
				if a.broken != nil || (a.str("url") == "" && a.str("stream_url") == "") {
					return "JSON with url or stream_url"
				}
				return ""
			},
		})
	}
}

func coeNotifications(p *player) {
	const at = iot + "/user/notification"
	a, _ := p.ask(call{step: "lists notifications", at: "GET " + at, path: at + "?unread=true", reads: fields{
		"data.notifications": list, "data.notifications[*].id": anything, "data.notifications[*].message": text, "data.notifications[*].read": boolean,
	}})
	id := ""
	for _, n := range each(a.json, "data.notifications") {
		id = str(n, "id")
	}
	p.ask(call{step: "marks a notification as read", at: "PUT " + at, body: map[string]any{"notification_id": id, "read": true}, needs: []string{unless(id, "there is no notification yet")}, reads: fields{
		"code": orNull(integer),
	}})
	p.ask(call{step: "lists messages", at: "GET " + user + "/my/messages", path: user + "/my/messages?limit=20", reads: fields{
		"hits": list, "hits[*].id": integer, "hits[*].type": integer, "hits[*].createTime": instant,
	}})
}
