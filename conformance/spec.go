package conformance

import (
	"fmt"
	"net/http"
)

// documentation are the requests that the Cloud API's documentation shows: its
// upload, its errors, and its MQTT example with a printer's access code.
func documentation(p *player) {
	p.signIn(entrance{reads: fields{"accessToken": filled}, code: true})
	p.ask(call{
		step: "is told of a wrong token", at: bind, header: map[string]string{"Authorization": "Bearer wrong"}, status: []int{http.StatusUnauthorized},
		reads: fields{"code": integer, "message": filled, "error": filled, "details": maybe(orNull(object))},
	})
	p.ask(call{
		step: "asks for a printer of nobody", at: "GET " + iot + "/user/device/info", path: iot + "/user/device/info?device_id=" + nobodys,
		status: []int{http.StatusNotFound}, reads: fields{"code": numbered("1003"), "message": filled, "error": filled},
	})
	p.ask(call{step: "lists printers", at: bind, reads: fields{"devices[].dev_id": filled, "devices[].name": text, "devices[].online": boolean}})
	p.ask(call{
		step: "asks about a printer", at: "GET " + iot + "/user/device/info", path: iot + "/user/device/info?device_id=" + p.printer.serial, needs: []string{p.needsPrinter()},
		reads: fields{"code": numbered("0"), "data.device_id": exactly(p.printer.serial), "data.device_name": text, "data.model": text, "data.status": text},
	})
	file := documentedUpload(p)
	a, ok := p.ask(call{
		step: "prints a file", at: "POST " + iot + "/user/print", needs: []string{p.mayPrint(), unless(file, "nothing could be uploaded")},
		body: map[string]any{"device_id": p.printer.serial, "file_id": file}, reads: fields{"data.job_id": filled, "data.status": text},
	})
	if ok {
		p.follow(a.str("data.job_id"))
	}
	p.ask(call{step: "pages through its files", at: "GET " + iot + "/user/files", path: iot + "/user/files?page=1&limit=20", reads: fields{
		"pagination.page": integer, "pagination.limit": integer, "pagination.total": integer, "pagination.has_more": boolean,
	}})
	p.watch(request{
		step: "watches a printer with its access code", user: "bblp", password: p.printer.accessCode, publish: []string{pushAll}, wants: pushed,
		needs: []string{p.needsPrinter(), unless(p.printer.accessCode, "the printer has no access code")},
	})
}

// documentedUpload gives the file's id.
func documentedUpload(p *player) string {
	_ = p.needsPrinter() // the file is made for its model
	f := p.newFile()
	a, _ := p.ask(call{
		step: "asks where to upload", at: "POST " + iot + "/user/upload", body: map[string]any{"filename": f.name, "size": len(f.content)},
		reads: fields{"upload_url": link, "file_id": filled},
	})
	id := a.str("file_id")
	if !p.put("uploads a file", a.str("upload_url"), f.content, map[string]string{"Content-Type": "application/octet-stream"}) {
		return ""
	}
	p.ask(call{step: "confirms the upload", at: "POST " + iot + "/user/upload/confirm", body: map[string]any{"file_id": id}, reads: fields{"code": numbered("0")}, also: func(a answer) string {
		if got := a.str("data.file_id"); got != id {
			return fmt.Sprintf("data.file_id is the file's; it is %q", got)
		}
		return ""
	}})
	return id
}
