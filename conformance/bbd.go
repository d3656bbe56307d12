package conformance

import (
	"net/http"
	"strings"
)

// bambuddy validates its token often, and signs the user out only if it is told to
// in the words that it knows.
func bambuddy(p *player) {
	p.header = map[string]string{"User-Agent": "Bambuddy/1.0 (+https://example.org)", "Content-Type": "application/json"}
	p.signIn(entrance{
		reads:  fields{"loginType": text, "tfaKey": exactly(""), "accessToken": filled, "refreshToken": text},
		factor: bambuddyFactor,
		code:   true,
	})
	p.badPassword(fields{}, func(a answer) string {
		if a.str("message") == "" && a.str("error") == "" {
			return "message or error in words"
		}
		return ""
	})
	p.csrf()
	p.ask(call{
		step: "sees that its session has ended", at: "GET " + design + "/my/preference", header: map[string]string{"Authorization": "Bearer ended"},
		status: []int{http.StatusUnauthorized}, reads: fields{}, also: func(a answer) string {
			if a.str("code") != "4" && !strings.Contains(strings.ToLower(a.str("error")+" "+a.str("message")), "please login") {
				return `code 4, or "Please login" in error or message`
			}
			return ""
		},
	})
	p.ask(call{step: "validates its token", at: "GET " + design + "/my/preference", reads: fields{"uid": integer}})
	needs := []string{p.needsPrinter()}
	p.ask(call{step: "lists printers", at: bind, reads: fields{
		"devices[].dev_id": filled, "devices[].name": text, "devices[].dev_model_name": text, "devices[].dev_product_name": text, "devices[].online": boolean,
	}})
	p.ask(call{
		step: "asks for firmware", at: "GET " + iot + "/user/device/version", path: iot + "/user/device/version?device_id=" + p.printer.serial, needs: needs,
		reads: fields{"data.current_version": text, "data.latest_version": text, "data.update_available": boolean, "data.release_notes": text},
	})
	bambuddyPresets(p)
	bambuddyModels(p)
}

// csrf fetches the cookie without which it gives up.
func (p *player) csrf() string {
	a, _ := p.ask(call{step: "fetches a form token", at: "GET /api/csrf", open: true, status: []int{http.StatusNoContent, http.StatusOK}, also: func(a answer) string {
		if a.cookie("bbl_csrf_token") == "" {
			return "the cookie bbl_csrf_token"
		}
		return ""
	}})
	return a.cookie("bbl_csrf_token")
}

func bambuddyFactor(p *player, key string) string {
	form := p.csrf()
	a, ok := p.factor(call{
		step: "signs in with an authenticator", at: "POST /api/sign-in/tfa", reads: fields{"accessToken": filled},
		header: map[string]string{"x-bbl-csrf-token": form, "Cookie": "bbl_csrf_token=" + form},
	}, key)
	if !ok {
		return ""
	}
	return a.str("accessToken")
}

// bambuddyPresets lists, makes, reads, replaces and deletes a preset.
func bambuddyPresets(p *player) {
	const version = "?version=1.0.0.0"
	made := newPreset()
	a, _ := p.ask(call{step: "makes a preset", at: "POST " + iot + "/slicer/setting", body: made, reads: fields{"setting_id": filled}})
	id := a.str("setting_id")
	missing := []string{unless(id, "no preset could be made")}
	both := fields{}
	for _, what := range []string{"print", "printer", "filament"} {
		for _, whose := range []string{"private", "public"} {
			both[what+"."+whose] = list
			both[what+"."+whose+"[*].setting_id"] = filled
			both[what+"."+whose+"[*].name"] = text
			both[what+"."+whose+"[*].version"] = text
		}
	}
	p.ask(call{step: "lists presets", at: presets, path: presetsPath("1.0.0.0"), reads: both, also: func(a answer) string {
		for _, f := range each(a.json, "filament.private") {
			if id == "" || str(f, "setting_id") == id {
				return ""
			}
		}
		if id == "" {
			return ""
		}
		return "the preset that was just made, among filament.private"
	}})
	at := iot + "/slicer/setting/{id}"
	p.ask(call{step: "reads a preset", at: "GET " + at, path: presetPath(id) + version, needs: missing, reads: fields{
		"type": exactly("filament"), "name": exactly(made["name"]), "version": text, "base_id": orNull(text), "filament_id": orNull(text), "setting": object,
	}})
	p.ask(call{
		step: "deletes a preset", at: "DELETE " + at, path: presetPath(id) + version, needs: missing,
		status: []int{http.StatusOK, http.StatusNoContent},
	})
	p.ask(call{step: "finds a preset gone", at: "GET " + at, path: presetPath(id) + version, needs: missing, status: []int{http.StatusBadRequest}})
	p.ask(call{step: "misses a preset", at: "GET " + at, path: presetPath("PFUS00000000000000") + version, status: []int{http.StatusBadRequest}})
}

// bambuddyModels looks at the vendor's model site, whose places no other server
// fills: it must be told so as an API tells it.
func bambuddyModels(p *player) {
	p.ask(call{
		step: "looks at a model", at: "GET /v1/design-service/design/{id}", path: "/v1/design-service/design/1", open: true,
		status: []int{http.StatusOK, http.StatusNotFound}, reads: fields{},
	})
	model, profile := p.aProfile()
	p.ask(call{
		step: "asks for a download", at: "GET " + iot + "/user/profile/{id}", path: iot + "/user/profile/" + profile + "?model_id=" + model,
		needs: []string{unless(profile, "there is no project with a profile")}, reads: fields{"url": link},
	})
}

// aProfile is one of the account's newest project that was uploaded.
func (p *player) aProfile() (model, profile string) {
	for _, project := range each(p.quiet("GET "+iot+"/user/project", nil).json, "projects") {
		a := p.quiet("GET "+iot+"/user/project/"+str(project, "project_id"), nil)
		for _, one := range each(a.json, "profiles") {
			if str(one, "url") != "" {
				return a.str("model_id"), str(one, "profile_id")
			}
		}
	}
	return "", ""
}
