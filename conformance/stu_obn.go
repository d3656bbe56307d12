package conformance

import (
	"net/http"
	"net/url"
	"strings"
)

// openNetwork is a slicer with the open network plugin: it signs in by a page and
// a ticket, syncs presets and spools, and prints.
func openNetwork(p *player) {
	p.header = map[string]string{
		"User-Agent": "bambu_network_agent/02.06.00.00", "X-BBL-Client-Type": "slicer", "X-BBL-Client-Name": "BambuStudio", "X-BBL-Client-Version": "02.06.00.00",
		"X-BBL-OS-Type": "linux", "X-BBL-OS-Version": "6.2.0", "X-BBL-Language": "en", "X-BBL-Device-ID": "00000000-0000-4000-8000-000000000000",
		"X-BBL-Client-ID": "slicer:1000001:abcd", "X-BBL-Executable-info": "{}",
	}
	for _, path := range []string{"/sign-in", "/en/sign-in", "//en/sign-in"} {
		p.page(path)
	}
	p.signIn(entrance{reads: session, code: true}) // what the page does for it
	slicerTickets(p)
	slicerSession(p)
	p.ask(call{step: "reads its profile", at: "GET " + user + "/my/profile", reads: fields{"uidStr": decimal, "account": text, "name": text, "avatar": text}})
	p.ask(call{step: "asks for its preferences", at: "GET " + design + "/my/preference", reads: fields{"uid": integer, "recommendStatus": integer}})
	slicerDevices(p)
	p.watch(request{step: "watches a printer", publish: []string{getVersion, pushAll}, wants: map[string]fields{
		"info.get_version": {"info.module[].name": filled, "info.module[].sw_ver": text}, "print.push_status": pushed["print.push_status"],
	}})
	slicerPresets(p)
	slicerSpools(p)
	slicerPrint(p)
	slicerTasks(p)
	slicerRest(p)
}

// session is what the plugin wants of every login: it throws if a key is missing.
var session = fields{
	"accessToken": filled, "refreshToken": text, "expiresIn": integer, "refreshExpiresIn": integer, "tfaKey": text, "accessMethod": text, "loginType": text,
}

func (p *player) page(path string) {
	p.ask(call{
		step: "opens the sign-in page", at: "GET " + path, open: true, header: map[string]string{"Accept": "text/html", "User-Agent": "BBL-Slicer/v02.06.00.51"},
		also: func(a answer) string {
			if !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
				return "a page"
			}
			return ""
		},
	})
}

// slicerSession renews the session, and takes it to the browser.
func slicerSession(p *player) {
	a, ok := p.ask(call{
		step: "renews its session", at: "POST " + user + "/user/refreshtoken", body: map[string]any{"refreshToken": p.refresh},
		needs: []string{unless(p.refresh, "the login gave no refresh token")},
		reads: fields{"accessToken": filled, "refreshToken": filled, "expiresIn": integer, "refreshExpiresIn": integer},
	})
	if ok {
		p.renewed(a.str("accessToken"))
	}
	ticket := p.quiet("GET "+user+"/user/ticket", nil).str("ticket")
	if ticket != "" {
		p.quiet("POST "+user+"/my/ticket/"+ticket, map[string]any{"ticket": ticket})
	}
	p.ask(call{
		step: "signs the browser in", at: "GET /api/sign-in/ticket", path: "/api/sign-in/ticket?to=" + url.QueryEscape(p.cfg.URL+"/") + "&ticket=" + url.QueryEscape(ticket), open: true,
		needs: []string{unless(ticket, "there is no ticket")}, status: []int{http.StatusTemporaryRedirect, http.StatusFound, http.StatusSeeOther}, also: func(a answer) string {
			if a.cookie("token") == "" {
				return "the cookie token, without a domain"
			}
			return ""
		},
	})
}

// slicerTickets passes a session from the web to the slicer.
func slicerTickets(p *player) {
	a, _ := p.ask(call{step: "gets a ticket", at: "GET " + user + "/user/ticket", reads: fields{"ticket": filled, "pincode": text}})
	ticket := a.str("ticket")
	missing := []string{unless(ticket, "there is no ticket")}
	_, bound := p.ask(call{
		step: "binds the ticket to the session", at: "POST " + user + "/my/ticket/{ticket}", path: user + "/my/ticket/" + ticket, needs: missing,
		body: map[string]any{"ticket": ticket},
	})
	if ticket != "" && !bound {
		missing = []string{"the ticket could not be bound"}
	}
	a, ok := p.ask(call{
		step: "turns the ticket into a session", at: "POST " + user + "/user/ticket/{ticket}", path: user + "/user/ticket/" + ticket, needs: missing, open: true,
		body: map[string]any{"ticket": ticket}, reads: session,
	})
	p.ask(call{
		step: "tries the ticket again", at: "POST " + user + "/user/ticket/{ticket}", path: user + "/user/ticket/" + ticket, needs: missing, open: true,
		body: map[string]any{"ticket": ticket}, status: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusGone},
	})
	why := ""
	if !ok {
		why = "the ticket gave no session"
	}
	p.ask(call{
		step: "signs out", at: "POST " + user + "/my/logout", body: map[string]any{"refreshtoken": ""}, needs: []string{why},
		header: map[string]string{"Authorization": "Bearer " + a.str("accessToken")}, also: func(a answer) string {
			if len(a.body) > 0 {
				return "an empty body"
			}
			return ""
		},
	})
	p.ask(call{
		step: "is signed out", at: "GET " + user + "/my/profile", needs: []string{why}, status: []int{http.StatusUnauthorized},
		header: map[string]string{"Authorization": "Bearer " + a.str("accessToken")},
	})
	pin := string(p.cfg.PIN)
	p.ask(call{
		step: "binds a printer by its PIN", at: "POST " + user + "/my/pincode/{pin}", path: user + "/my/pincode/" + pin,
		needs: []string{unless(pin, "it needs the PIN of a printer; give it with --pin")}, body: map[string]any{"pincode": pin}, reads: fields{"deviceId": filled},
	})
}

func slicerDevices(p *player) {
	needs := []string{p.needsPrinter()}
	names := func(id, name, online, status string) fields {
		return fields{
			"devices[].dev_id": filled, "devices[]." + id: text, "devices[]." + name: text, "devices[]." + online: boolean, "devices[]." + status: orNull(text),
			"devices[].dev_model_name": text, "devices[].dev_product_name": text, "devices[].dev_access_code": accessCode,
		}
	}
	p.ask(call{step: "asks what is printing", at: "GET " + iot + "/user/print", path: iot + "/user/print?force=true", needs: needs, reads: iotFields.with(
		names("dev_name", "dev_model_name", "dev_online", "task_status")).with(fields{
		"devices[].task_id": orNull(text), "devices[].task_name": orNull(text), "devices[].progress": orNull(number), "devices[].thumbnail": orNull(text),
	})})
	p.ask(call{step: "lists printers", at: bind, reads: iotFields.with(names("dev_name", "name", "dev_online", "task_status"))})
	p.ask(call{step: "asks for firmware", at: "GET " + iot + "/user/device/version", path: iot + "/user/device/version?dev_id=" + p.printer.serial, needs: needs, reads: iotFields.with(fields{
		"devices[].dev_id": filled, "devices[].firmware": list, "devices[].firmware[*].version": text, "devices[].firmware[*].url": text,
		"devices[].firmware[*].description": text, "devices[].firmware[*].status": text, "devices[].ams": list, "devices[].ams[*].firmware": list,
	})})
	p.ask(call{
		step: "names a printer", at: "PATCH " + iot + "/user/device/info", needs: append(needs, unless(p.printer.name, "the printer has no name to give again")),
		body: map[string]any{"dev_id": p.printer.serial, "dev_name": p.printer.name}, reads: iotFields,
	})
	p.ask(call{step: "asks whose printers they are", at: "GET " + iot + "/user/bind_list", path: iot + "/user/bind_list?dev_ids=" + p.printer.serial, needs: needs, reads: iotFields.with(fields{
		"bind_list[].dev_id": filled, "bind_list[].user_id": orNull(text), "bind_list[].user_name": orNull(text),
	})})
	why := ""
	if p.quiet("POST "+iot+"/user/bind", map[string]any{"device_id": nobodys, "device_name": "conformance", "bind_code": "12345678"}).status == 0 {
		why = "no printer could be bound to be given up"
	}
	p.ask(call{
		step: "gives a printer up", at: "DELETE " + iot + "/user/bind", body: map[string]any{"dev_id": nobodys, "force": false}, needs: []string{why}, reads: iotFields,
	})
}

func slicerPresets(p *player) {
	const at = iot + "/slicer/setting/{id}"
	made := newPreset()
	a, _ := p.ask(call{step: "syncs a preset up", at: "POST " + iot + "/slicer/setting", body: made, reads: iotFields.with(fields{"setting_id": filled, "update_time": filled})})
	id := a.str("setting_id")
	missing := []string{unless(id, "no preset could be made")}
	read := iotFields.with(fields{"settings": maybe(anything)})
	for _, what := range []string{"print", "printer", "filament"} {
		for _, whose := range []string{"private", "public"} {
			read[what+"."+whose] = list
			read[what+"."+whose+"[*].setting_id"] = filled
			read[what+"."+whose+"[*].update_time"] = text
			read[what+"."+whose+"[*].name"] = text
		}
	}
	p.ask(call{step: "syncs presets down", at: presets, path: iot + "/slicer/setting?public=false&version=02.06.00.00", reads: read})
	p.ask(call{step: "asks for presets without its version", at: presets, status: []int{http.StatusBadRequest}})
	p.ask(call{step: "changes a preset", at: "PATCH " + at, path: presetPath(id), body: made, needs: missing, reads: iotFields.with(fields{"setting_id": filled, "update_time": filled})})
	p.ask(call{step: "reads a preset", at: "GET " + at, path: presetPath(id), needs: missing, reads: iotFields.with(fields{
		"setting": object, "setting_id": exactly(id), "name": exactly(made["name"]), "type": exactly("filament"), "version": text, "update_time": text, "base_id": orNull(text),
	})})
	for _, step := range []string{"deletes a preset", "deletes it once more"} {
		p.ask(call{step: step, at: "DELETE " + at, path: presetPath(id), needs: missing, reads: iotFields})
	}
	p.ask(call{
		step: "changes a preset that is gone", at: "PATCH " + at, path: presetPath(id), body: made, needs: missing,
		status: []int{http.StatusUnprocessableEntity, http.StatusBadRequest, http.StatusNotFound},
	})
}

// slicerSpools is the filament manager.
func slicerSpools(p *player) {
	const at = design + "/my/filament/v2"
	p.ask(call{step: "asks which filaments there are", at: "GET " + design + "/filament/config", reads: fields{
		"categories": list, "filamentSettings[*].filamentVendor": text, "filamentSettings[*].filamentType": text, "filamentSettings[*].filamentName": text,
		"filamentSettings[*].filamentId": text, "filamentSettings[*].isSupport": boolean,
	}})
	s := newSpool()
	p.ask(call{step: "adds a spool", at: "POST " + at, body: s, reads: fields{}})
	id := p.spoolOf(s)
	missing := []string{unless(id, "no spool could be added")}
	p.ask(call{step: "lists spools", at: spools, path: at + "?offset=0&limit=100", reads: fields{
		"hits[].id": integer, "hits[].createType": orNull(anything), "hits[].filamentVendor": text, "hits[].filamentType": text, "hits[].filamentName": text, "hits[].filamentId": text,
		"hits[].RFID": text, "hits[].color": text, "hits[].colorType": integer, "hits[].colors": orNull(anything), "hits[].netWeight": number, "hits[].totalNetWeight": number,
		"hits[].note": text, "hits[].createdAt": integer, "hits[].updatedAt": integer, "hits[].status": integer, "hits[].isSupport": boolean,
	}})
	changed := map[string]any{"id": asNumber(id), "netWeight": 800, "filamentName": "PLA Basic"}
	p.ask(call{step: "weighs a spool", at: "PUT " + at, body: changed, needs: missing, reads: fields{"filamentV2": object}})
	p.ask(call{step: "removes a spool", at: "DELETE " + at + "/batch", body: removal(id), needs: missing, reads: fields{}})
	p.ask(call{step: "weighs a spool that is gone", at: "PUT " + at, body: changed, needs: missing, status: []int{http.StatusNotFound}})
	needs := []string{p.needsPrinter()}
	p.ask(call{step: "syncs the AMS", at: "POST " + at + "/ams/sync", body: map[string]any{"devId": p.printer.serial, "items": []any{}}, needs: needs, reads: fields{"results": orNull(list)}})
	p.ask(call{step: "syncs the slots", at: "POST " + at + "/slot-mappings/sync", body: map[string]any{"devId": p.printer.serial, "mappings": []any{}}, needs: needs, reads: fields{"results": orNull(list)}})
}

// slicerPrint is the whole way of a print, the settings first and the print file
// under a name that says where it belongs.
func slicerPrint(p *player) {
	s := p.newShipment()
	s.project(p, nil)
	s.settings(p)
	s.told(p, map[string]any{"upload": map[string]any{"ticket": s.ticket, "origin_file_name": s.file.name}})
	s.polled(p, iotFields)
	name := s.model + "_" + s.profile + "_1.3mf"
	s.patch(p, map[string]any{"comments": "no_ips", "md5": s.md5, "plate_idx": 1, "url": "ftp://" + s.file.name})
	s.upload(p, iot+"/user/upload?models="+name, iotFields.with(fields{"urls[].url": link}), "models")
	s.patch(p, map[string]any{"md5": s.md5, "plate_idx": 1, "url": s.url})
	p.ask(call{step: "asks for the print's profile", at: "GET " + iot + "/user/profile/{id}", path: iot + "/user/profile/" + s.profile + "?model_id=" + s.model, needs: []string{s.lost}, reads: iotFields.with(fields{
		"profile_id": exactly(s.profile), "model_id": filled, "url": link, "md5": filled, "create_time": clock, "context.plates[].index": integer,
	})})
	if id := s.order(p, s.task(p, map[string]any{"profileId": asNumber(s.profile)})); id != "" {
		p.follow(id)
	}
}

func slicerTasks(p *player) {
	a, _ := p.ask(call{step: "lists prints", at: tasks, path: user + "/my/tasks?limit=20&offset=0&status=0", reads: fields{
		"total": integer, "hits[].id": integer, "hits[].designId": integer, "hits[].profileId": integer, "hits[].plateIndex": integer, "hits[].status": integer,
		"hits[].costTime": integer, "hits[].title": text, "hits[].cover": text, "hits[].deviceId": text,
	}})
	id := firstOf(a, "hits", "id")
	missing := []string{unless(id, "there is no print yet")}
	p.ask(call{step: "reads a print", at: "GET " + user + "/my/task/{id}", path: user + "/my/task/" + id, needs: missing, reads: fields{
		"id": integer, "designId": integer, "instanceId": integer, "profileId": integer, "modelId": text, "designTitle": text, "title": text, "status": integer, "failedType": integer,
	}})
	p.ask(call{step: "reads what a print is made of", at: "GET " + iot + "/user/task/{id}", path: iot + "/user/task/" + id, needs: missing, reads: iotFields.with(fields{
		"content": filled, "context.plates[].index": integer, "context.plates[].thumbnail.url": text, "context.plates[].prediction": number, "context.plates[].weight": number,
		"context.plates[].filaments[*].color": text, "context.plates[].filaments[*].type": text, "context.plates[].filaments[*].used_g": anything, "context.plates[].filaments[*].used_m": anything,
	})})
	p.cover(firstOf(a, "hits", "cover"))
}

// slicerRest is what it asks beside its work. A 401 would sign the user out.
func slicerRest(p *player) {
	p.ask(call{
		step: "looks for updates", at: "GET " + iot + "/slicer/resource", path: iot + "/slicer/resource?slicer/plugins/cloud=02.06.00.00", open: true,
		reads: fields{"message": exactly("success"), "software": maybe(orNull(object)), "resources": orNull(list)},
	})
	p.ask(call{step: "agrees to the terms", at: "POST " + user + "/user/consent", body: map[string]any{"consentBody": `{"version":1}`}})
	p.ask(call{step: "asks for a camera ticket", at: "POST " + iot + "/user/ttcode", needs: []string{p.needsPrinter()}, reads: iotFields.with(fields{
		"ttcode": text, "authkey": text, "passwd": text, "region": text, "type": text, "stream_key": text, "stream_salt": text, "channel_name": text, "app_id": text,
	}), body: map[string]any{"dev_id": p.printer.serial, "dev_version": "01.08.02.00", "protocols": []string{"tutk", "agora"}}})
	notSignedOut := []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity}
	p.ask(call{step: "stays signed in when a project is not there", at: "GET " + iot + "/user/project/{id}", path: iot + "/user/project/1", status: notSignedOut, also: noDialog})
	p.ask(call{step: "has no certificate to fetch", at: "GET " + iot + "/user/applications/{id}/cert", path: iot + "/user/applications/none/cert?aes256=none&ver=1", status: notSignedOut, also: noDialog})
}

// noDialog wants none of the two codes at which a slicer shows a dialog.
func noDialog(a answer) string {
	if a.broken != nil {
		return ""
	}
	if code := a.str("code"); code == "15" || code == "101" {
		return "no code 15 or 101, which the slicer takes for its own end"
	}
	return ""
}
