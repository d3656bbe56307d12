package rest_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp/totp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/rest/resttest"
	"github.com/grovecloud/grove/printfile/sample"
)

// deed is a request that does something, and the entry that it must leave. What
// stands in braces was kept of an answer before.
type deed struct {
	route  string
	path   string // when it is not the route's own
	body   string
	action string
	keep   map[string]string // name in braces to key in the answer
	before func(l *ledger)
	spends bool // a code counts once, whatever comes after
}

// deeds are in an order in which each finds what it needs.
var deeds = []deed{
	{route: "POST /v1/iot-service/api/user/bind", body: `{"device_id":"{serial}","device_name":"Bench"}`, action: "printer.bind"},
	{route: "PATCH /v1/iot-service/api/user/device/info", body: `{"dev_id":"{serial}","dev_name":"New"}`, action: "printer.rename"},
	{route: "PATCH /v1/grove-service/printers/{serial}", body: `{"tags":["hall"]}`, action: "printer.tag"},
	{
		route: "DELETE /v1/grove-service/printers/{serial}/files", path: "/v1/grove-service/printers/{serial}/files?path=/timelapse/video_1.avi",
		action: "printer.file_delete", before: (*ledger).shelve,
	},
	{route: "POST /v1/grove-service/printers/{serial}/plate-clear", action: "plate.clear", before: (*ledger).connect},
	{
		route: "POST /v1/grove-service/printers", body: `{"host":"192.168.1.40","access_code":"12345678"}`, action: "printer.bind",
		keep: map[string]string{"lamp": "serial"},
	},
	{route: "POST /v1/grove-service/printers/{lamp}/pair", body: `{}`, action: "printer.pair"},
	{route: "PUT /v1/grove-service/printers/{lamp}/address", body: `{"host":"192.168.1.41"}`, action: "printer.address"},
	{route: "POST /v1/grove-service/printers/{serial}/commands", body: `{"print":{"command":"set_bed_temp","param":"60"}}`, action: "printer.command"},
	{route: "POST /v1/grove-service/printers/{serial}/commands", body: `{"system":{"command":"ledctrl","led_node":"chamber_light","led_mode":"on"}}`, action: "printer.command"},
	{
		route: "POST /v1/iot-service/api/user/upload", body: `{"filename":"a.stl","size":10}`, action: "file.announce",
		keep: map[string]string{"upload": "file_id"},
	},
	{route: "DELETE /v1/grove-service/files/{upload}", action: "file.delete"},
	{route: "POST /v1/grove-service/files", body: `{"name":"a.stl","size_bytes":10}`, action: "file.announce"},
	{route: "PATCH /v1/grove-service/files/{file}", body: `{"tags":["spare"]}`, action: "file.change"},
	{route: "POST /v1/iot-service/api/user/project", body: `{"name":"box"}`, action: "file.announce", keep: map[string]string{"project": "project_id"}},
	{route: "PATCH /v1/iot-service/api/user/project/{project}", body: `{"profile_print_3mf":[{"plate_idx":1,"md5":"AB","url":"https://example.org/x"}]}`, action: "project.change"},
	{route: "POST /v1/iot-service/api/user/print", body: `{"device_id":"{serial}","file_id":"{file}"}`, action: "job.create", keep: map[string]string{"job": "job_id"}},
	{route: "POST /v1/user-service/my/task", body: `{"deviceId":"{serial}","modelId":"US1","title":"cube.gcode.3mf"}`, action: "job.create"},
	{route: "POST /v1/grove-service/printers/{serial}/commands", body: `{"print":{"command":"gcode_file","param":"cube.gcode.3mf"}}`, action: "job.create"},
	{route: "POST /v1/grove-service/jobs", body: `{"any":{},"file_id":"{file}","copies":2}`, action: "job.create", keep: map[string]string{"loose": "id"}},
	{route: "PATCH /v1/grove-service/jobs/{loose}", body: `{"plate":1}`, action: "job.edit"},
	{route: "POST /v1/grove-service/jobs/{loose}/move", body: `{"to":"top"}`, action: "job.move"},
	{route: "POST /v1/grove-service/jobs/{loose}/reprint", action: "job.create"},
	{route: "POST /v1/grove-service/jobs/{job}/cancel", action: "job.cancel"},
	{
		route: "POST /v1/grove-service/jobs/{doubtful}/resolve", body: `{"outcome":"finished"}`, action: "job.resolve",
		before: (*ledger).doubt,
	},
	{route: "POST /v1/grove-service/clock/confirm", action: "clock.confirm"},

	{
		route: "POST /v1/grove-service/webhooks", body: `{"url":"http://127.0.0.1:9/","events":["print.completed"]}`, action: "webhook.create",
		keep: map[string]string{"hook": "id"},
	},
	{route: "POST /v1/grove-service/webhooks/{hook}/test", action: "webhook.test", keep: map[string]string{"delivery": "id"}},
	{route: "POST /v1/grove-service/webhooks/deliveries/{delivery}/replay", action: "webhook.replay"},
	{route: "POST /v1/grove-service/webhooks/{hook}/secret", action: "webhook.secret"},
	{route: "PATCH /v1/grove-service/webhooks/{hook}", body: `{"enabled":false}`, action: "webhook.change"},
	{route: "DELETE /v1/grove-service/webhooks/{hook}", action: "webhook.delete"},

	{route: "POST /v1/grove-service/keys", body: `{"name":"x","scopes":[]}`, action: "key.create", keep: map[string]string{"key": "id"}},
	{route: "DELETE /v1/grove-service/keys/{key}", action: "key.revoke"},
	{route: "POST /v1/grove-service/bridges", body: `{"name":"x"}`, action: "bridge.create", keep: map[string]string{"bridge": "id"}},
	{route: "DELETE /v1/grove-service/bridges/{bridge}", action: "bridge.revoke"},
	{
		route: "POST /v1/grove-service/shares", body: `{"device_id":"{serial}","role":"viewer"}`, action: "printer.share",
		keep: map[string]string{"share": "id", "token": "token"},
	},
	{route: "POST /v1/grove-service/shares/accept", body: `{"token":"{token}"}`, action: "printer.share_accept", before: (*ledger).asBob},
	{route: "DELETE /v1/grove-service/shares/{share}", action: "printer.unshare"},
	{route: "POST /v1/grove-service/printers/{serial}/pin", action: "printer.pin", keep: map[string]string{"pin": "pin"}},
	{route: "POST /v1/user-service/my/pincode/{pin}", action: "printer.bind"},

	{
		route: "POST /v1/iot-service/api/slicer/setting", body: `{"name":"Mine","type":"filament","version":"02.06.00.00","setting":{}}`,
		action: "preset.create", keep: map[string]string{"preset": "setting_id"},
	},
	{route: "PATCH /v1/iot-service/api/slicer/setting/{preset}", body: `{"name":"Other"}`, action: "preset.change"},
	{route: "DELETE /v1/iot-service/api/slicer/setting/{preset}", action: "preset.delete"},
	{route: "POST /v1/design-user-service/my/filament/v2", body: `{"filamentName":"Red","RFID":"A1"}`, action: "spool.add"},
	{route: "PUT /v1/design-user-service/my/filament/v2", body: `{"id":1,"filamentName":"Dark red"}`, action: "spool.change"},
	{
		route:  "POST /v1/design-user-service/my/filament/v2/slot-mappings/sync",
		body:   `{"devId":"{serial}","mappings":[{"amsId":0,"amsSn":"A","slotId":1,"spoolId":1}]}`,
		action: "spool.place",
	},
	{
		route:  "POST /v1/design-user-service/my/filament/v2/ams/sync",
		body:   `{"devId":"{serial}","items":[{"amsSn":"A","amsId":0,"slotId":2,"RFID":"B2","filamentName":"Blue"}]}`,
		action: "spool.place",
	},
	{route: "DELETE /v1/design-user-service/my/filament/v2/batch", body: `{"ids":["1"],"RFIDs":[]}`, action: "spool.remove"},

	{route: "PUT /v1/user-service/my/profile", body: `{"username":"Ann B"}`, action: "user.profile"},
	{route: "PUT /v1/grove-service/users/{id}/role", path: "/v1/grove-service/users/{bob}/role", body: `{"role":"viewer"}`, action: "user.role"},
	{route: "POST /v1/grove-service/users/{id}/lock", path: "/v1/grove-service/users/{bob}/lock", action: "user.lock"},
	{route: "POST /v1/grove-service/users/{id}/unlock", path: "/v1/grove-service/users/{bob}/unlock", action: "user.unlock"},
	{
		route: "POST /v1/grove-service/invitations", body: `{"email":"c@grove.local","role":"viewer","password":"{password}"}`, action: "user.invite",
		keep: map[string]string{"invited": "token"},
	},
	{
		route: "POST /v1/grove-service/invitations/accept", body: `{"token":"{invited}","password":"a password of carl","name":"Carl"}`,
		action: "user.accept",
	},
	{
		route: "POST /v1/grove-service/invitations", body: `{"email":"d@grove.local","role":"viewer","password":"{password}"}`, action: "user.invite",
		keep: map[string]string{"invitation": "id"},
	},
	{route: "DELETE /v1/grove-service/invitations/{invitation}", action: "user.uninvite"},
	{
		route: "POST /v1/grove-service/users/{id}/reset", path: "/v1/grove-service/users/{bob}/reset", body: `{"password":"{password}"}`, action: "user.reset",
		keep: map[string]string{"code": "code"},
	},
	{
		route: "POST /v1/grove-service/password-reset", body: `{"email":"bob@grove.local","code":"{code}","new_password":"another password"}`,
		action: "user.password", spends: true,
	},
	{route: "POST /v1/grove-service/users/me/sessions/current/confirm", body: `{"password":"{password}"}`, action: "user.confirm"},
	{route: "PUT /v1/grove-service/users/me/security", body: `{"mode":"code","password":"{password}"}`, action: "user.login_mode"},
	{route: "PUT /v1/grove-service/users/me/security", body: `{"mode":"password","password":"{password}"}`, action: "user.login_mode"},
	{route: "POST /v1/grove-service/users/me/totp", body: `{"password":"{password}"}`, action: "user.totp_enrol", keep: map[string]string{"secret": "secret"}},
	{route: "POST /v1/grove-service/users/me/totp/confirm", body: `{"code":"{totp}"}`, action: "user.totp_on", before: (*ledger).app},
	{route: "POST /v1/grove-service/users/me/recovery-codes", body: `{"password":"{password}","code":"{totp}"}`, action: "user.recovery_codes", before: (*ledger).again, spends: true},
	{route: "POST /v1/grove-service/users/me/totp/remove", body: `{"password":"{password}","code":"{totp}"}`, action: "user.totp_off", before: (*ledger).again, spends: true},
	{route: "POST /v1/user-service/user/login", body: `{"account":"ann@grove.local","password":"{password}"}`, action: "user.login"},
	{route: "POST /v1/grove-service/users/me/sessions/end-others", action: "user.logout"},
	{route: "PUT /v1/grove-service/users/me/password", body: `{"password":"{password}","new_password":"another password"}`, action: "user.password"},
	{route: "DELETE /v1/iot-service/api/user/bind", path: "/v1/iot-service/api/user/bind?device_id={serial}", action: "printer.unbind"},
	{route: "POST /v1/user-service/my/logout", body: "{}", action: "user.logout"},
}

// quiet are the routes that may change something and have no entry, and why.
var quiet = map[string]string{
	"POST /v1/grove-service/printers/{serial}/test":   "asks",
	"POST /v1/grove-service/printers/discover":        "asks",
	"POST /v1/grove-service/jobs/fit":                 "asks",
	"PUT /u/{id}":                                     "file.upload, checked by its own test: the link is no credential of a person",
	"POST /v1/iot-service/api/user/upload/confirm":    "repeats what became of the upload",
	"PUT /v1/iot-service/api/user/notification":       "marks as read, or repeats what became of an upload",
	"PATCH /v1/grove-service/notifications/{id}":      "marks as read",
	"POST /v1/user-service/my/message/read":           "marks as read",
	"POST /v1/iot-service/api/user/ttcode":            "asks",
	"POST /v1/grove-service/server/mail-test":         "mails nothing of use to whoever asks",
	"POST /v1/grove-service/setup":                    "user.setup, in the test of the store: there is one in a house's life",
	"POST /api/sign-in/form":                          "signs in like user/login",
	"POST /api/sign-in/tfa":                           "signs in like user/login",
	"POST /sign-in":                                   "signs in like user/login",
	"POST /v1/grove-service/simulated-printers":       "binds printers, each of which leaves its entry",
	"DELETE /v1/grove-service/simulated-printers":     "gives printers up, each of which leaves its entry",
	"PUT /v1/grove-service/live/{id}":                 "changes what a stream shows, and nothing that is kept",
	"POST /setup":                                     "makes the first owner as setup does",
	"POST /v1/user-service/user/tfa":                  "signs in like user/login",
	"POST /v1/user-service/user/tfa/login":            "signs in like user/login",
	"POST /v1/user-service/user/ticket/{ticket}":      "signs in like user/login",
	"POST /v1/user-service/my/ticket/{ticket}":        "the sign-in that it leads to has its entry, and a PIN is my/pincode",
	"POST /v1/user-service/user/refreshtoken":         "lengthens a session",
	"POST /v1/user-service/user/sendemail/code":       "mails a code to whoever the account is",
	"POST /v1/grove-service/password-reset/code":      "mails a code to whoever the account is",
	"POST /v1/user-service/user/sendsms/code":         "answers that there is no such thing here",
	"POST /v1/user-service/user/sendsmscode":          "answers that there is no such thing here",
	"POST /v1/user-service/user/consent":              "keeps nothing",
	"POST /v1/user-service/user/devicetoken":          "keeps nothing",
	"DELETE /v1/grove-service/users/me/sessions/{id}": "user.logout like end-others; ends a session of another machine",
}

// ledger is a house whose audit log can be broken.
type ledger struct {
	*resttest.House
	t     *testing.T
	raw   *sql.DB
	words map[string]string
	as    string // an Authorization other than ann's
}

func newLedger(t *testing.T) *ledger {
	t.Helper()
	h := resttest.New(t, "off")
	raw, err := sql.Open("sqlite", "file:"+h.Path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	bob := h.SignIn(t, "bob@grove.local", grove.Operator)
	u, err := h.DB.UserByEmail(t.Context(), "bob@grove.local")
	if err != nil {
		t.Fatal(err)
	}
	file := h.Upload(t, "cube.gcode.3mf", sample.ThreeMF())
	return &ledger{House: h, t: t, raw: raw, words: map[string]string{
		"serial": "01P00A000000001", "file": file.FileID, "bob": strconv.FormatInt(u.ID, 10), "password": resttest.Password, "bearer": "Bearer " + bob,
	}}
}

// connect makes the printer connected. It says yes to every command.
func (l *ledger) connect() {
	serial := l.words["serial"]
	line := l.Connect(l.t, serial, resttest.Report)
	over, done := make(chan struct{}), make(chan struct{})
	l.t.Cleanup(func() { close(over); <-done })
	go func() {
		defer close(done)
		for {
			select {
			case <-over:
				return
			case sent := <-line.Sent:
				l.Fleet.Observe(serial, []byte(strings.Replace(sent, `"sequence_id"`, `"result":"success","sequence_id"`, 1)))
			}
		}
	}()
}

// drawer is a link that deletes what it is told to.
type drawer struct{ *resttest.Line }

func (drawer) Drop(context.Context, string) error { return nil }

// shelve makes the printer connected, with a storage of its own.
func (l *ledger) shelve() {
	l.connect()
	l.Fleet.Attach(l.words["serial"], drawer{&resttest.Line{Sent: make(chan string, 1)}})
	l.Fleet.Observe(l.words["serial"], []byte(resttest.Versions))
	l.Fleet.Observe(l.words["serial"], []byte(resttest.Report))
}

// doubt makes a job of which nobody knows whether it began.
func (l *ledger) doubt() {
	job, err := l.DB.CreateJob(l.t.Context(), grove.Job{OwnerID: l.UserID, Serial: l.words["serial"], State: grove.Unknown}, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	l.words["doubtful"] = job.TaskID()
}

func (l *ledger) asBob() { l.as = l.words["bearer"] }

// app is an authenticator app that shows a code.
func (l *ledger) app() {
	code, err := totp.GenerateCode(l.words["secret"], time.Now())
	if err != nil {
		l.t.Fatal(err)
	}
	l.words["totp"] = code
}

// again is app, which may show the code that was used a moment ago.
func (l *ledger) again() {
	l.app()
	l.exec("UPDATE sign_ins SET totp_step = 0")
	l.words["sealed"] = l.column("SELECT hex(totp_secret) FROM sign_ins")[0]
}

func (l *ledger) exec(query string) {
	l.t.Helper()
	if _, err := l.raw.ExecContext(l.t.Context(), query); err != nil {
		l.t.Fatal(err)
	}
}

// filled is text with what was kept in place of the braces.
func (l *ledger) filled(text string) string {
	for name, word := range l.words {
		text = strings.ReplaceAll(text, "{"+name+"}", word)
	}
	return text
}

// everything is what is in the database, but for the audit log, the counts of
// failed sign-ins, which are written behind, and when a session was used last.
func (l *ledger) everything() map[string][]string {
	l.t.Helper()
	all := map[string][]string{}
	for _, table := range l.column("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'audit%' AND name NOT LIKE 'sqlite%' AND name <> 'tallies'") {
		names := strings.Join(l.column("SELECT 'quote(' || name || ')' FROM pragma_table_info('"+table+"') WHERE name NOT LIKE 'used_%' OR '"+table+"' = 'passes'"), " || ',' || ")
		all[table] = l.column("SELECT " + names + " FROM " + table + " ORDER BY 1")
	}
	return all
}

func (l *ledger) column(query string) (texts []string) {
	l.t.Helper()
	rows, err := l.raw.QueryContext(l.t.Context(), query)
	if err != nil {
		l.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			l.t.Fatal(err)
		}
		texts = append(texts, text)
	}
	if err := rows.Err(); err != nil {
		l.t.Fatal(err)
	}
	return texts
}

// find gives the first value of a key, however deep.
func find(v any, key string) string {
	switch v := v.(type) {
	case map[string]any:
		if got, ok := v[key]; ok && fmt.Sprint(got) != "" {
			return fmt.Sprint(got)
		}
		for _, inner := range v {
			if got := find(inner, key); got != "" {
				return got
			}
		}
	case []any:
		for _, inner := range v {
			if got := find(inner, key); got != "" {
				return got
			}
		}
	}
	return ""
}

// play does a deed without an audit log, which must change nothing, and then with it.
func (l *ledger) play(d deed) {
	l.t.Helper()
	l.as = "Bearer " + l.Token
	if d.before != nil {
		d.before(l)
	}
	method, path, _ := strings.Cut(d.route, " ")
	if d.path != "" {
		path = d.path
	}
	path, body := l.filled(path), l.filled(d.body)
	before := l.everything()
	l.exec("ALTER TABLE audit RENAME TO audit_gone")
	w := l.Ask(method, path, body, "Authorization", l.as)
	l.exec("ALTER TABLE audit_gone RENAME TO audit")
	if w.Code < 500 {
		l.t.Errorf("%s %s without an audit log: %d %s", method, path, w.Code, w.Body)
	}
	if d.spends {
		l.exec("UPDATE passes SET used_at = 0 WHERE kind = 'reset'")
		if sealed := l.words["sealed"]; sealed != "" {
			l.exec("UPDATE sign_ins SET totp_step = 0, totp_secret = x'" + sealed + "'")
		}
	}
	if diff := cmp.Diff(before, l.everything()); diff != "" {
		l.t.Errorf("%s %s was done without its entry:\n%s", method, path, diff)
	}
	from := l.column("SELECT max(id) FROM audit")[0]
	if w = l.Ask(method, path, body, "Authorization", l.as); w.Code/100 != 2 {
		l.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if got := l.column("SELECT action FROM audit WHERE id > " + from); !slices.Contains(got, d.action) {
		l.t.Errorf("%s %s: entries %q, want %s", method, path, got, d.action)
	}
	var answer any
	_ = json.Unmarshal(w.Body.Bytes(), &answer) // some say nothing
	if envelope, ok := answer.(map[string]any); ok && envelope["data"] != nil {
		answer = envelope["data"]
	}
	for name, key := range d.keep {
		if l.words[name] = find(answer, key); l.words[name] == "" {
			l.t.Fatalf("%s %s: no %s in %s", method, path, key, w.Body)
		}
	}
}

func TestEveryActHasItsEntryOrIsNotDone(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	played := map[string]bool{}
	for _, d := range deeds {
		l.play(d)
		played[shape(d.route)] = true
	}
	for _, route := range l.Routes() {
		name := route.Method + " " + route.Path
		if route.Method == "GET" || played[shape(name)] || quiet[name] != "" {
			continue
		}
		t.Errorf("%s is in no table: say here which entry it leaves in the audit log, or why none", name)
	}
}

// shape is a route without what its braces are called.
func shape(route string) string {
	var b strings.Builder
	for i, part := range strings.Split(route, "{") {
		if i > 0 {
			_, part, _ = strings.Cut(part, "}")
			b.WriteString("{}")
		}
		b.WriteString(part)
	}
	return b.String()
}
