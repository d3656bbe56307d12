package conformance

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/grovecloud/grove/printfile/sample"
)

const (
	iot    = "/v1/iot-service/api"
	user   = "/v1/user-service"
	design = "/v1/design-user-service"

	bind   = "GET " + iot + "/user/bind"
	tasks  = "GET " + user + "/my/tasks"
	create = "POST " + user + "/my/task"
	report = "MQTT device/{id}/report"
)

// iotFields is around most answers of the iot service.
var iotFields = fields{"message": exactly("success"), "code": maybe(orNull(integer)), "error": maybe(orNull(text))}

// quiet asks for something that a step needs and that is no step itself.
func (p *player) quiet(at string, body any) answer {
	a, _, err := p.send(call{at: at, body: body})
	if err != nil || a.status != http.StatusOK || a.broken != nil {
		return answer{}
	}
	return a
}

// needsPrinter finds the printer that steps are about, and says why there is none.
func (p *player) needsPrinter() string {
	if p.bearer() != "" && !p.looked {
		p.looked = true
		p.find()
	}
	if p.printer.serial != "" {
		return ""
	}
	if p.cfg.Printer != "" {
		return "the account has no printer " + p.cfg.Printer
	}
	return "the account has no printer"
}

func (p *player) find() {
	var found map[string]any
	for _, d := range each(p.quiet(bind, nil).json, "devices") {
		id := str(d, "dev_id")
		switch {
		case p.cfg.Printer != "" && id != p.cfg.Printer, id == "":
		case found == nil, p.cfg.Printer == "" && found["online"] != true && d["online"] == true:
			found = d
		}
	}
	p.printer = device{
		serial: str(found, "dev_id"), name: str(found, "name"), model: str(found, "dev_model_name"), accessCode: str(found, "dev_access_code"),
	}
}

// state is the printer's print_status and the task it has.
func (p *player) state() (status, task string, online bool) {
	for _, d := range each(p.quiet(bind, nil).json, "devices") {
		if str(d, "dev_id") == p.printer.serial {
			return str(d, "print_status"), str(d, "print_job"), d["online"] == true
		}
	}
	return "", "", false
}

func busy(status string) bool {
	switch status {
	case "PREPARE", "RUNNING", "PAUSE", "SLICING", "ACTIVE":
		return true
	}
	return false
}

// mayPrint says why no print may be started now.
func (p *player) mayPrint() string {
	if why := p.needsPrinter(); why != "" {
		return why
	}
	status, _, online := p.state()
	switch {
	case !p.cfg.Print:
		return "it starts a print, which needs --print"
	case p.cfg.MQTT == "":
		return "it starts a print, which is only done where --mqtt lets it be stopped again"
	case p.stuck:
		return "an earlier print of this run did not begin or end as it should"
	case !online:
		return "the printer is offline"
	case busy(status):
		return "the printer is busy"
	}
	return ""
}

// patience for a printer: to begin a print it was told of, and to end one.
const (
	beginsWithin = time.Minute
	endsWithin   = 2 * time.Minute
)

// follow watches a print begin, as those do who poll the list of printers, and
// stops it.
func (p *player) follow(task string) {
	began := p.until(beginsWithin, func() bool {
		status, job, _ := p.state()
		return job == task && (busy(status) || status == "FINISH" || status == "SUCCESS")
	})
	problem := ""
	if !began {
		p.stuck = true
		status, job, _ := p.state()
		problem = fmt.Sprintf("after %s print_job is %s and print_status %s", beginsWithin, job, status)
	}
	p.check("sees its print begin", bind, "print_job is the task's id and print_status PREPARE or RUNNING", problem)
	if began {
		p.stop()
	}
}

// stop ends the print. That it does is a step of its own: nobody may be left with
// a printer that prints for a test.
func (p *player) stop() {
	problem := publish(p.suite, request{user: "u_" + p.user(), password: p.bearer()}, `{"print":{"sequence_id":"0","command":"stop","param":""}}`)
	if problem == "" && !p.until(endsWithin, func() bool { status, _, _ := p.state(); return !busy(status) }) {
		problem = fmt.Sprintf("it is still printing after %s; stop it by hand", endsWithin)
	}
	if !p.check("stops its print", "MQTT device/{id}/request", "the printer stops", problem) {
		p.stuck = true
	}
}

func (p *player) until(most time.Duration, ok func() bool) bool {
	for end := time.Now().Add(most); time.Now().Before(end); {
		if ok() {
			return true
		}
		if !p.wait(500 * time.Millisecond) {
			return false
		}
	}
	return false
}

// user is the number in the account's MQTT name.
func (p *player) user() string {
	if p.uid == "" {
		p.uid = p.quiet("GET "+design+"/my/preference", nil).str("uid")
	}
	return p.uid
}

// printFile is something small to upload and print.
type printFile struct {
	name    string
	content []byte
}

// newFile makes a file that the printer could print, under a name of its own.
func (p *player) newFile() printFile {
	model := p.printer.model
	if model == "" {
		model = "C12"
	}
	if p.content == nil {
		p.content = sample.ThreeMF(sample.Model(model), sample.Layers(10), sample.Seconds(600))
	}
	return printFile{
		name:    "conformance-" + random() + ".gcode.3mf",
		content: p.content,
	}
}

// put sends a file to a presigned URL, which knows who asks by itself.
func (p *player) put(step, to string, content []byte, header map[string]string) bool {
	_, ok := p.ask(call{
		step: step, at: "PUT {upload_url}", path: to, raw: strings.NewReader(string(content)), header: header, open: true,
		needs:  []string{unless(to, "no URL to put it to was given")},
		status: []int{http.StatusOK, http.StatusCreated, http.StatusNoContent},
	})
	return ok
}

// cover loads a picture as home automation and slicers do: without a token.
func (p *player) cover(url string) {
	p.ask(call{
		step: "loads a print's picture", at: "GET {cover}", path: url, open: true,
		needs: []string{unless(url, "there is no print with a picture")},
		also: func(a answer) string {
			if t := a.header.Get("Content-Type"); !strings.HasPrefix(t, "image/") {
				return "a picture; it has the type " + t
			}
			return ""
		},
	})
}
