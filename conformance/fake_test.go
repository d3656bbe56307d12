package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

const (
	fakeSerial = "01P00A000000001"
	fakePIN    = "A3GK7R"

	// fakeToken has a payload in whole standard base64: {"username":"u_1000001"}.
	fakeToken = "e30." + "eyJ1c2VybmFtZSI6InVfMTAwMDAwMSJ9" + ".c2ln"
)

// obj is JSON.
type obj = map[string]any

// reply is an answer before it is written, so that a test can spoil it.
type reply struct {
	status int
	header http.Header
	body   any // JSON; a string goes out as it is
}

// fake is a cloud as the facts have it, with an account, a printer and a print.
type fake struct {
	*httptest.Server
	mu      sync.Mutex
	mode    string // loginType of the account
	code    string // sent by e-mail
	spoil   map[string]func(*reply)
	names   []string // of projects
	presets map[string]obj
	spools  map[string]obj
	ticket  bool // can be used
	ended   bool // the ticket's session
}

// newFake starts a cloud whose answers at those endpoints are spoilt.
func newFake(t *testing.T, spoil map[string]func(*reply)) *fake {
	t.Helper()
	f := &fake{spoil: spoil, names: []string{"part.3mf"}, presets: map[string]obj{}, spools: map[string]obj{}}
	mux := http.NewServeMux()
	for at, answer := range f.routes() {
		mux.HandleFunc(at, func(w http.ResponseWriter, r *http.Request) { f.serve(w, r, at, answer) })
	}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = strings.TrimPrefix(r.URL.Path, "/api/v1/") // the other dialect
		if !strings.HasPrefix(r.URL.Path, "/") {
			r.URL.Path = "/v1/" + r.URL.Path
		}
		r.URL.Path = strings.Replace(r.URL.Path, "//", "/", 1)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

// open are the endpoints that ask for no token.
func open(at string) bool {
	for _, part := range []string{"/user/login", "/sendemail/", "/sendsmscode", "/user/tfa", "/api/", "sign-in", "/user/ticket/", "/put/", "/cover", "slicer/resource", "design-service/design/", "GET /{$}"} {
		if strings.Contains(at, part) && !strings.Contains(at, "iot-service/api/user") && !strings.Contains(at, "slicer/setting") {
			return true
		}
	}
	return false
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request, at string, answer func(r *http.Request, body obj) reply) {
	raw, _ := io.ReadAll(r.Body)
	var body obj
	_ = json.Unmarshal(raw, &body)
	f.mu.Lock()
	defer f.mu.Unlock()
	var out reply
	cookie, _ := r.Cookie("token")
	good := map[string]bool{"Bearer " + fakeToken: true, "Bearer second": !f.ended}
	switch {
	case !open(at) && !good[r.Header.Get("Authorization")] && (cookie == nil || cookie.Value != fakeToken):
		out = reply{status: 401, body: obj{"code": 1001, "message": "Invalid token. Please login.", "error": "TOKEN_INVALID"}}
	default:
		out = answer(r, body)
	}
	if out.header == nil {
		out.header = http.Header{}
	}
	if change := f.spoil[at]; change != nil {
		change(&out)
	}
	maps.Copy(w.Header(), out.header)
	if out.status == 0 {
		out.status = 200
	}
	if s, ok := out.body.(string); ok {
		w.WriteHeader(out.status)
		_, _ = io.WriteString(w, s)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(out.status)
	if out.body != nil {
		if err := json.NewEncoder(w).Encode(out.body); err != nil {
			panic(err)
		}
	}
}

// envelope is what the iot service puts around its answers.
func envelope(more obj) reply {
	all := obj{"message": "success", "code": 0, "error": nil}
	maps.Copy(all, more)
	return reply{body: all}
}

func always(r func() reply) func(*http.Request, obj) reply {
	return func(*http.Request, obj) reply { return r() }
}

func plain(body any) func(*http.Request, obj) reply {
	return always(func() reply { return reply{body: body} })
}

func refusal(status, code int, text string) reply {
	return reply{status: status, body: obj{"code": code, "error": text, "message": text}}
}

type route = func(*http.Request, obj) reply

func (f *fake) routes() map[string]route {
	all := map[string]route{}
	for _, some := range []map[string]route{f.account(), f.devices(), f.files(), f.prints(), f.slicer(), f.shelf()} {
		maps.Copy(all, some)
	}
	return all
}

func fullLogin() obj {
	return obj{
		"accessToken": fakeToken, "refreshToken": fakeToken, "expiresIn": 7776000, "refreshExpiresIn": 7776000,
		"tfaKey": "", "accessMethod": "", "loginType": "", "success": true,
	}
}

func (f *fake) account() map[string]route {
	page := func(*http.Request, obj) reply {
		return reply{header: http.Header{"Content-Type": {"text/html"}}, body: "<form>"}
	}
	second := func(_ *http.Request, in obj) reply {
		if in["tfaKey"] != "key" {
			return refusal(400, 5, "Login failed")
		}
		return reply{header: http.Header{"Set-Cookie": {"token=" + fakeToken + "; Path=/; HttpOnly"}}, body: obj{"accessToken": fakeToken, "refreshToken": fakeToken, "expiresIn": 7776000}}
	}
	return map[string]route{
		"GET /{$}": plain("here"), "GET /sign-in": page, "GET /en/sign-in": page,
		login: func(_ *http.Request, in obj) reply {
			out := fullLogin()
			if in["code"] != nil {
				if in["code"] != f.code {
					return refusal(400, 2, "Incorrect code")
				}
				return reply{body: out}
			}
			if in["account"] != "ann@example.org" || in["password"] != "right" {
				return refusal(400, 2, "Incorrect password")
			}
			if f.mode != "" {
				maps.Copy(out, obj{"accessToken": "", "refreshToken": "", "expiresIn": 0, "refreshExpiresIn": 0, "loginType": f.mode, "success": false})
			}
			if f.mode == "tfa" {
				out["tfaKey"] = "key"
			}
			return reply{body: out}
		},
		"POST /v1/user-service/user/sendemail/code": plain(""),
		"POST /api/sign-in/tfa":                     second, "POST /v1/user-service/user/tfa": second,
		"GET /api/csrf": always(func() reply {
			return reply{status: 204, header: http.Header{"Set-Cookie": {"bbl_csrf_token=x; Path=/"}}, body: ""}
		}),
		"GET /v1/user-service/my/profile":           plain(obj{"uid": 1000001, "uidStr": "1000001", "account": "ann@example.org", "name": "Ann", "avatar": "", "productModels": []any{}}),
		"PUT /v1/user-service/my/profile":           plain(obj{"code": 0, "message": "Profile updated"}),
		"GET /v1/design-user-service/my/preference": plain(obj{"uid": 1000001, "name": "Ann", "avatar": "", "recommendStatus": 0}),
		"POST /v1/user-service/user/consent":        plain(""),
		"POST /v1/user-service/user/sendsmscode":    plain(""),
		"POST /v1/user-service/user/refreshtoken": func(_ *http.Request, in obj) reply {
			if in["refreshToken"] != fakeToken {
				return refusal(401, 1001, "Please login.")
			}
			return reply{body: fullLogin()}
		},
		"GET /api/sign-in/ticket": func(r *http.Request, _ obj) reply {
			return reply{status: 307, header: http.Header{"Set-Cookie": {"token=" + fakeToken + "; Path=/"}, "Location": {r.URL.Query().Get("to")}}, body: ""}
		},
		"GET /v1/user-service/user/ticket": always(func() reply {
			f.ticket = true
			return reply{body: obj{"ticket": "T", "pincode": "T"}}
		}),
		"POST /v1/user-service/my/ticket/{ticket}": plain(""),
		"POST /v1/user-service/my/pincode/{pin}": func(r *http.Request, in obj) reply {
			if in["pincode"] != fakePIN || r.PathValue("pin") != fakePIN {
				return refusal(404, 404, "No such PIN")
			}
			return reply{body: obj{"deviceId": "01P00A000000001"}}
		},
		"POST /v1/user-service/user/ticket/{ticket}": always(func() reply {
			if !f.ticket {
				return refusal(400, 2, "No such ticket")
			}
			f.ticket = false
			out := fullLogin()
			out["accessToken"] = "second"
			return reply{body: out}
		}),
		"POST /v1/user-service/my/logout": func(r *http.Request, _ obj) reply {
			f.ended = f.ended || r.Header.Get("Authorization") == "Bearer second"
			return reply{body: ""}
		},
		"GET /v1/user-service/my/messages": plain(obj{"hits": []any{obj{"id": 1, "type": 6, "createTime": "2026-01-01T00:00:00Z"}}}),
	}
}

func fakeDevice() obj {
	return obj{
		"dev_id": fakeSerial, "name": "Bench", "online": true, "print_status": "IDLE", "dev_model_name": "C12", "dev_product_name": "P1S",
		"dev_access_code": "12345678", "nozzle_diameter": 0.4, "dev_structure": "CoreXY", "print_job": 7, "dev_name": "Bench", "dev_online": true, "task_status": "IDLE",
	}
}

func (f *fake) devices() map[string]route {
	one := fakeDevice()
	busy := fakeDevice()
	maps.Copy(busy, obj{"task_id": nil, "task_name": nil, "progress": nil, "thumbnail": nil, "print": nil})
	firmware := obj{
		"devices": []any{obj{"dev_id": fakeSerial, "firmware": []any{}, "ota": obj{}, "ams": []any{obj{"sw_ver": "1", "hw_ver": "AMS08", "tray": []any{}, "firmware": []any{}}}}},
		"data":    obj{"current_version": "1", "latest_version": "1", "update_available": false, "release_notes": ""},
	}
	ticket := obj{}
	for _, key := range []string{"ttcode", "authkey", "passwd", "region", "type", "stream_key", "stream_salt", "channel_name", "app_id"} {
		ticket[key] = ""
	}
	note := obj{"id": "n1", "type": "print", "message": "done", "timestamp": "2026-01-01T00:00:00Z", "read": false}
	gone := func(*http.Request, obj) reply { return refusal(404, 404, "Not found") }
	all := func(body obj) route { return always(func() reply { return envelope(body) }) }
	return map[string]route{
		bind:                                 all(obj{"devices": []any{one}}),
		"POST " + iot + "/user/bind":         all(obj{"devices": []any{one}, "data": obj{"bind_id": "b", "device_info": obj{}}}),
		"DELETE " + iot + "/user/bind":       all(nil),
		"GET " + iot + "/user/bind_list":     all(obj{"bind_list": []any{obj{"dev_id": fakeSerial, "user_id": "1000001", "user_name": "Ann"}}}),
		"PATCH " + iot + "/user/device/info": all(nil),
		"GET " + iot + "/user/device/info": func(r *http.Request, _ obj) reply {
			if r.URL.Query().Get("device_id") != fakeSerial {
				return refusal(404, 1003, "Device not found")
			}
			return envelope(obj{"data": obj{"device_id": fakeSerial, "device_name": "Bench", "model": "P1S", "status": "IDLE"}})
		},
		"GET " + iot + "/user/device/version":         all(firmware),
		"GET " + iot + "/user/device/{id}/video":      gone,
		"GET " + iot + "/user/device/{id}/stream":     gone,
		"GET " + iot + "/user/device/{id}/snapshot":   gone,
		"GET " + iot + "/user/print":                  all(obj{"devices": []any{busy}}),
		"POST " + iot + "/user/ttcode":                all(ticket),
		"GET " + iot + "/user/notification":           all(obj{"notifications": []any{note}, "data": obj{"notifications": []any{note}}}),
		"PUT " + iot + "/user/notification":           all(nil),
		"GET " + iot + "/user/applications/{id}/cert": gone,
		"GET /v1/user-service/my/devices":             gone, "GET /v1/device-service/devices/{id}/status": gone,
		"GET /v1/design-service/design/{id}": gone, "GET /v1/design-service/favorites/designs/{uid}": plain(obj{"hits": []any{}}),
	}
}

func (f *fake) files() map[string]route {
	uploaded := func(name string) obj {
		f.names = append(f.names, name)
		to := f.URL + "/put/1"
		return obj{
			"file_id": "f1", "upload_url": to, "upload_ticket": "t", "data": obj{"file_id": "f1"},
			"urls": []any{obj{"type": "filename", "file": name, "url": to}, obj{"type": "size", "file": "1", "url": to}},
		}
	}
	return map[string]route{
		"PUT /put/{id}":                        plain(""),
		"GET " + iot + "/user/upload":          func(r *http.Request, _ obj) reply { return envelope(uploaded(r.URL.Query().Get("filename"))) },
		"POST " + iot + "/user/upload":         func(_ *http.Request, in obj) reply { return envelope(uploaded(fmt.Sprint(in["filename"]))) },
		"POST " + iot + "/user/upload/confirm": always(func() reply { return envelope(obj{"file_id": "f1", "data": obj{"file_id": "f1"}}) }),
		"GET " + iot + "/user/files": always(func() reply {
			return envelope(obj{"files": []any{obj{"name": "a", "file_name": "a", "file_id": "f1", "size": 1}}, "pagination": obj{"page": 1, "limit": 20, "total": 1, "has_more": false}})
		}),
		"GET " + iot + "/user/project": always(func() reply {
			var all []any
			for _, name := range f.names {
				all = append(all, obj{"project_id": "160000001", "user_id": "1000001", "model_id": "US1", "name": name})
			}
			return envelope(obj{"projects": all})
		}),
		"POST " + iot + "/user/project": always(func() reply {
			return envelope(obj{"project_id": "160000001", "model_id": "US1", "profile_id": "600000001", "upload_url": f.URL + "/put/1", "upload_ticket": "t"})
		}),
		"GET " + iot + "/user/project/{id}": func(r *http.Request, _ obj) reply {
			if r.PathValue("id") != "160000001" {
				return refusal(404, 2, "Not found")
			}
			return envelope(obj{"project_id": "160000001", "model_id": "US1", "profiles": []any{obj{"profile_id": "600000001", "context": obj{}, "url": f.URL + "/put/1"}}})
		},
		"PATCH " + iot + "/user/project/{id}": always(func() reply { return envelope(nil) }),
		"GET " + iot + "/user/profile/{id}": always(func() reply {
			return envelope(obj{
				"profile_id": "600000001", "model_id": "US1", "url": f.URL + "/put/1", "md5": "A", "create_time": "2026-05-01 10:00:00",
				"context": obj{"plates": []any{obj{"index": 1}}},
			})
		}),
		"GET /cover": always(func() reply { return reply{header: http.Header{"Content-Type": {"image/png"}}, body: "PNG"} }),
	}
}

func (f *fake) prints() map[string]route {
	task := func() obj {
		return obj{
			"id": 7, "designId": 0, "designTitle": "", "instanceId": 0, "modelId": "US1", "title": "part.3mf", "cover": f.URL + "/cover", "status": 2, "failedType": 0,
			"startTime": "2026-05-01T10:00:00Z", "endTime": "2026-05-01T11:00:00Z", "weight": 12.5, "length": 418, "costTime": 3600, "profileId": 600000001, "plateIndex": 1,
			"plateName": "", "deviceId": fakeSerial, "deviceModel": "P1S", "deviceName": "Bench", "bedType": "textured_plate",
			"amsDetailMapping": []any{obj{
				"ams": 0, "sourceColor": "00AE42FF", "targetColor": "00AE42FF", "filamentId": "GFA00", "filamentType": "PLA", "targetFilamentType": "",
				"weight": 12.5, "nozzleId": 0, "amsId": 0, "slotId": 0,
			}},
		}
	}
	plate := obj{"index": 1, "thumbnail": obj{"url": ""}, "prediction": 1, "weight": 1, "filaments": []any{}}
	return map[string]route{
		tasks:                               always(func() reply { return reply{body: obj{"total": 1, "hits": []any{task()}}} }),
		"GET /v1/user-service/my/task/{id}": always(func() reply { return reply{body: task()} }),
		"GET " + iot + "/user/task":         always(func() reply { return envelope(obj{"tasks": []any{task()}}) }),
		"GET " + iot + "/user/task/{id}": always(func() reply {
			return envelope(obj{
				"content": `{"info":{"plate_idx":1}}`, "context": obj{"plates": []any{plate}},
				"data": obj{"task_id": "7", "device_id": fakeSerial, "status": "finished", "progress": 100, "file_name": "part.3mf"},
			})
		}),
	}
}

func (f *fake) slicer() map[string]route {
	one := func(r *http.Request) (string, obj) { id := r.PathValue("id"); return id, f.presets[id] }
	return map[string]route{
		"GET " + iot + "/slicer/resource": always(func() reply { return envelope(obj{"software": nil, "resources": []any{}}) }),
		presets: func(r *http.Request, _ obj) reply {
			if r.URL.Query().Get("version") == "" {
				return reply{status: 400, body: `field "version" is not set`}
			}
			own := []any{obj{
				"setting_id": "PFUS1", "name": "old", "version": "1", "update_time": "2026-01-01 00:00:00", "filament_id": "P1",
				"filament_vendor": "x", "filament_type": "PLA", "nozzle_temperature": []any{"190", "230"},
			}}
			for id, p := range f.presets {
				own = append(own, obj{
					"setting_id": id, "name": p["name"], "version": "1", "update_time": "2026-01-01 00:00:00", "filament_id": "",
				})
			}
			none := obj{"public": []any{}, "private": []any{}}
			return envelope(obj{"print": none, "printer": none, "filament": obj{"public": []any{}, "private": own}, "settings": obj{}})
		},
		"POST " + iot + "/slicer/setting": func(_ *http.Request, in obj) reply {
			id := fmt.Sprint("PFUS", len(f.presets)+2)
			f.presets[id] = in
			return envelope(obj{"setting_id": id, "update_time": "2026-01-01 00:00:00"})
		},
		"GET " + iot + "/slicer/setting/{id}": func(r *http.Request, _ obj) reply {
			id, p := one(r)
			if p == nil {
				return reply{status: 400, body: "no such preset"}
			}
			return envelope(obj{
				"setting_id": id, "name": p["name"], "type": p["type"], "version": "1", "base_id": p["base_id"], "filament_id": nil, "setting": p["setting"], "update_time": "2026-01-01 00:00:00",
			})
		},
		"PATCH " + iot + "/slicer/setting/{id}": func(r *http.Request, in obj) reply {
			id, p := one(r)
			if p == nil {
				return refusal(422, 2, "no such preset")
			}
			f.presets[id] = in
			return envelope(obj{"setting_id": id, "update_time": "2026-01-01 00:00:00"})
		},
		"DELETE " + iot + "/slicer/setting/{id}": func(r *http.Request, _ obj) reply {
			delete(f.presets, r.PathValue("id"))
			return envelope(nil)
		},
	}
}

func (f *fake) shelf() map[string]route {
	const at = design + "/my/filament/v2"
	return map[string]route{
		"GET " + design + "/filament/config": plain(obj{"categories": []any{}, "filamentSettings": []any{}}),
		spools: always(func() reply {
			all := []any{}
			for _, s := range f.spools {
				all = append(all, s)
			}
			return reply{body: obj{"hits": all}}
		}),
		"POST " + at: func(_ *http.Request, in obj) reply {
			in["id"], in["createdAt"], in["updatedAt"], in["status"] = len(f.spools)+1, 1, 1, 0
			f.spools[fmt.Sprint(in["id"])] = in
			return reply{body: obj{}}
		},
		"PUT " + at: func(_ *http.Request, in obj) reply {
			if f.spools[fmt.Sprint(in["id"])] == nil {
				return refusal(404, 2, "no such spool")
			}
			return reply{body: obj{"filamentV2": in}}
		},
		"DELETE " + at + "/batch": func(_ *http.Request, in obj) reply {
			for _, id := range in["ids"].([]any) {
				delete(f.spools, fmt.Sprint(id))
			}
			return reply{body: obj{}}
		},
		"POST " + at + "/ams/sync":           plain(obj{"results": []any{}}),
		"POST " + at + "/slot-mappings/sync": plain(obj{"results": []any{}}),
	}
}
