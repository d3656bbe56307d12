package conformance

import "net/http"

// bambuMCP speaks to the web host's dialect and can also show the token as a
// cookie. Two of its paths are guesses of its author, so "not found" is fine.
func bambuMCP(p *player) {
	const api = "/api/v1"
	who := fields{"uid": integer, "name": text}
	p.ask(call{step: "asks who it is", at: "GET " + api + "/user-service/my/profile", reads: who})
	p.ask(call{
		step: "asks who it is with a cookie", at: "GET " + api + "/user-service/my/profile", reads: who,
		header: map[string]string{"Authorization": "", "Cookie": "token=" + p.bearer()},
	})
	either := []int{http.StatusOK, http.StatusNotFound}
	p.ask(call{step: "lists printers", at: "GET " + api + "/user-service/my/devices", status: either, reads: fields{}})
	p.ask(call{
		step: "asks how a printer is", at: "GET " + api + "/device-service/devices/{id}/status", path: api + "/device-service/devices/" + p.printer.serial + "/status",
		needs: []string{p.needsPrinter()}, status: either, reads: fields{},
	})
}
