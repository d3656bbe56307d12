package conformance

import (
	"net/http"
	"strings"
	"time"
)

// homeAssistant is ha-bambulab. It sends the slicer's headers, JSON's content type
// on everything, and indexes what it reads without looking first.
func homeAssistant(p *player) {
	p.header = map[string]string{
		"User-Agent": "bambu_network_agent/01.09.05.01", "X-BBL-Client-Name": "OrcaSlicer", "X-BBL-Client-Type": "slicer",
		"X-BBL-Client-Version": "01.09.05.51", "X-BBL-Language": "en-US", "X-BBL-OS-Type": "linux", "X-BBL-OS-Version": "6.2.0",
		"X-BBL-Agent-Version": "01.09.05.01", "X-BBL-Executable-info": "{}", "X-BBL-Agent-OS-Type": "linux",
		"accept": "application/json", "Content-Type": "application/json",
	}
	p.signIn(entrance{
		body:   map[string]any{"apiError": ""},
		reads:  fields{"accessToken": filled, "loginType": text, "tfaKey": exactly("")},
		factor: haFactor,
		code:   true,
		success: func(p *player, _ answer, token string) {
			p.readsToken(token, true)
		},
	})
	p.badPassword(fields{"code": numbered("2")}, func(a answer) string {
		if strings.Contains(strings.ToLower(string(a.body)), "cloudflare") {
			return "no talk of cloudflare, which it takes for a block"
		}
		return ""
	})
	p.ask(call{
		step: "is told of a wrong authenticator code", at: "POST /api/sign-in/tfa", open: true, status: []int{http.StatusBadRequest},
		body: map[string]any{"tfaKey": "conformance-" + random(), "tfaCode": "000000"}, reads: fields{"code": integer, "error": text},
	})
	nobody := "conformance-" + random() + "@example.org" // whom no mail reaches
	p.ask(call{
		step: "asks for a new code", at: "POST " + user + "/user/sendemail/code", open: true, body: map[string]any{"email": nobody, "type": "codeLogin"},
	})
	p.ask(call{
		step: "asks for a code by text message", at: "POST /api" + user + "/user/sendsmscode", open: true, body: map[string]any{"phone": "000", "type": "codeLogin"},
	})
	p.ask(call{step: "asks for its user id", at: "GET " + design + "/my/preference", reads: fields{"uid": integer}})
	p.ask(call{step: "lists printers", at: bind, reads: fields{
		"devices[].dev_id": filled, "devices[].name": text, "devices[].dev_product_name": filled,
	}})
	p.watch(request{
		step: "tests the connection", id: "ha-bambulab-" + random(), keepalive: 5 * time.Second, publish: []string{getVersion, pushAll},
		wants: map[string]fields{
			"info.get_version":  {"info.module[].name": filled, "info.module[].sw_ver": text},
			"print.push_status": pushed["print.push_status"].with(fields{"print.msg": maybe(numbered("0"))}),
		},
	})
	haPresets(p)
	haTasks(p)
}

// haFactor reads nothing but the cookie.
func haFactor(p *player, key string) string {
	a, ok := p.factor(call{step: "signs in with an authenticator", at: "POST /api/sign-in/tfa", also: func(a answer) string {
		if a.cookie("token") == "" {
			return "the cookie token, without a domain"
		}
		return ""
	}}, key)
	if !ok {
		return ""
	}
	return a.cookie("token")
}

// haPresets reads the custom filaments, of which there must be one to be seen.
func haPresets(p *player) {
	id := p.addPreset()
	defer p.deletePreset(id)
	p.ask(call{
		step: "reads custom filaments", at: presets, path: presetsPath("1.10.0.89"), reads: fields{"filament.private[].filament_id": text, "filament.private[].name": text},
		also: func(a answer) string {
			read := fields{"filament_vendor": text, "filament_type": text, "nozzle_temperature": pair}
			for _, f := range each(a.json, "filament.private") {
				if str(f, "filament_id") == "" {
					continue // which it skips
				}
				if v := read.look(f); len(v.problems) > 0 {
					return "of each custom filament that has a filament_id, " + join(v.problems)
				}
			}
			return ""
		},
	})
}

func haTasks(p *player) {
	a, _ := p.ask(call{step: "reads the latest print", at: tasks, reads: fields{
		"hits[].deviceId": text, "hits[].status": integer, "hits[].cover": text, "hits[].length": number, "hits[].bedType": text,
		"hits[].weight": number, "hits[].startTime": orNull(text), "hits[].endTime": orNull(text),
		"hits[].amsDetailMapping[*].ams": integer, "hits[].amsDetailMapping[*].weight": number,
	}})
	p.cover(firstOf(a, "hits", "cover"))
}

func firstOf(a answer, path, key string) string {
	for _, one := range each(a.json, path) {
		if v := str(one, key); v != "" {
			return v
		}
	}
	return ""
}
